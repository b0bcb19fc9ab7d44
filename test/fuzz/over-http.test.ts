// Hostile Cookie headers to real servers: native mode, and the drop-ins, which read their peers' cookies. HOLDFAST_FUZZ counts those
// that are judged without a server; here it is a part of them, for each framework and mode.
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import Keygrip from 'keygrip'
import { expect, it } from 'vitest'
import { dropInModes, keys, nativeCookie, nativeMemory, type Setup } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import { cookieHeader, cookieValue } from './cookie-header.ts'
import { seeds } from './seeds.ts'

const RUNS = Math.min(400, Number(process.env.HOLDFAST_FUZZ ?? 20_000) / 200)

const routes: Setup['routes'] = {
  '/in': turn => {
    turn.session.name = 'ann'
    return 'in'
  },
  '*': turn => String(turn.session.name ?? 'nobody'),
}

/** Node itself refuses what no header may have, before anybody sees it. */
const sendable = (text: string) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
const decoded = (text: string) => text.replace(/%[2-7][\da-f]/gi, code => decodeURIComponent(code))
const short = (text: string) => text.length < 8000

table([nativeCookie, nativeMemory, ...dropInModes], (open, mode, { framework }) => {
  it.each(seeds)('no Cookie header is a 500 or lets anybody in (seed %i)', { timeout: 600_000 }, async seed => {
    const site = await open({ routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    // Of Koa's pair, both: the one proves the other.
    const tokens = [...visitor.cookies.values()]
    const names = [...visitor.cookies.keys()] as [string, ...string[]]
    expect(names[0]).toBe(site.cookieName)
    await fc.assert(
      fc.asyncProperty(cookieHeader({ names, tokens }).map(sendable).filter(short), async cookie => {
        const answer = await site.visitor().get('/', { headers: { cookie } })
        expect(answer.status).toBe(200)
        // Koa's own cookies clear a signature that is wrong.
        const written = answer.setCookie.filter(line => mode.native || !/^[^=]+=;/.test(line))
        // express-session's are percent-encoded, and one letter can be written in several ways.
        const sent = framework === 'express' ? decoded(cookie) : cookie
        if (!tokens.every(token => sent.includes(framework === 'express' ? decoded(token) : token)))
          expect([answer.body, written]).toEqual(['nobody', []])
      }),
      { numRuns: RUNS / 2, seed },
    )
    expect((await visitor.get('/')).body).toBe('ann')
    expect(site.errors).toEqual([])
  })
})

table(dropInModes, (open, mode, { framework }) => {
  /** A cookie as the peer of this drop-in signs it. */
  const signed = (name: string, value: string): string => {
    if (framework === 'koa') return `${name}=${value}; ${name}.sig=${new Keygrip(keys).sign(`${name}=${value}`)}`
    const mac = createHmac('sha256', keys[0] as string)
      .update(value)
      .digest('base64')
      .replace(/=+$/, '')
    return `${name}=${encodeURIComponent(`s:${value}.${mac}`)}`
  }

  it.each(seeds)(
    'no cookie whose signature is right and whose value is not is a 500, or anybody’s (seed %i)',
    { timeout: 600_000 },
    async seed => {
      const site = await open({ routes })
      const visitor = site.visitor()
      await visitor.get('/in')
      const token = visitor.cookies.get(site.cookieName) as string
      // What Koa's cookies would cut off before they compare.
      const values = cookieValue([token]).map(text => sendable(text).replace(/[;"\s\x80-\xff]/g, ''))
      await fc.assert(
        fc.asyncProperty(values.filter(short), async value => {
          const answer = await site.visitor().get('/', { headers: { cookie: signed(site.cookieName, value) } })
          expect(answer.status).toBe(200)
          // What is signed and nearly right may be readable. A name that nobody was given is in no store.
          if (mode.place !== 'cookie' && value !== token) expect(answer.body).toBe('nobody')
        }),
        { numRuns: RUNS / 2, seed },
      )
      expect((await visitor.get('/')).body).toBe('ann')
      expect(site.errors).toEqual([])
    },
  )
})
