import { expect, it } from 'vitest'
import { dropInCookie, type Handler, nativeCookie, read, type Setup, type Site, storeModes, write } from './support.ts'
import { table } from './table.ts'

const LIMIT = 4096
const fill: Handler = t => {
  t.session.pad = 'x'.repeat(Number(t.req.headers['x-pad']))
  return 'stored'
}
const routes = { '/fill': fill, '/read': t => String(t.session.pad?.length ?? 'nothing') } satisfies Setup['routes']

const ask = (pad: number) => ({ headers: { 'x-pad': String(pad) } })

/** Octets of name and value of the cookie that comes back, or undefined when the answer is an error. */
async function sizeFor(site: Site, pad: number): Promise<number | undefined> {
  const answer = await site.visitor().get('/fill', ask(pad))
  const line = answer.setCookie.find(cookie => cookie.startsWith(`${site.cookieName}=`))
  return line === undefined ? undefined : (line.split(';')[0] ?? '').length - 1
}

/** The largest pad that is accepted; base64 makes four octets of three. */
async function largest(site: Site): Promise<number> {
  let pad = Math.floor(((LIMIT - ((await sizeFor(site, 0)) ?? 0)) * 3) / 4) - 3
  while ((await sizeFor(site, pad + 1)) !== undefined) pad += 1
  return pad
}

table([dropInCookie, nativeCookie], (open, mode) => {
  it('promise 12: 4096 octets are accepted and 4097 refused, exactly', async () => {
    // Base64 grows in steps: of these names one meets the limit exactly, and one exceeds it by one.
    const sizes = new Set<number>()
    const refused = new Set<number>()
    for (const name of ['sess', 'sess1', 'sess12', 'sess123']) {
      const site = await open({ options: mode.native ? {} : { key: name }, native: { cookie: { name } }, routes })
      const pad = await largest(site)
      sizes.add((await sizeFor(site, pad)) as number)
      await site.visitor().get('/fill', ask(pad + 1))
      refused.add(site.errors.at(-1).size)
    }
    expect(Math.max(...sizes)).toBe(LIMIT)
    expect(Math.min(...refused)).toBe(LIMIT + 1)
  })

  it('promise 12: the error tells the size and the largest keys, and nothing is set', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/much': write({ small: 1, larger: 'y'.repeat(900), 'gr\u00f6\u00dfte\n': 'z'.repeat(5000) }),
        '/read': read('name'),
        '/in': write({ name: 'ann' }),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const answer = await visitor.get('/much')
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error', setCookie: [] })
    expect(site.errors).toHaveLength(1)
    const [error] = site.errors
    expect(error).toMatchObject({ name: 'SessionCookieTooLargeError', code: 'HOLDFAST_COOKIE_TOO_LARGE', limit: LIMIT })
    expect(error.size).toBeGreaterThan(LIMIT)
    expect(error.largestKeys.slice(0, 2)).toEqual([
      { key: 'gr\u00f6\u00dfte\n', octets: 5002 },
      { key: 'larger', octets: 902 },
    ])
    expect(error.message).toContain(`${error.size} octets`)
    expect(error.message).toContain('gr\\u{f6}\\u{df}te\\u{a} (5002), larger (902)')
    expect(error.message).not.toContain('zzz')
    expect((await visitor.get('/read')).body).toBe('ann')
  })

  it('promise 12: an explicit save says so where it is called, and the handler may go on', async () => {
    const site = await open({
      routes: {
        '/in': async t => {
          t.session.pad = 'x'.repeat(9000)
          const error = await t.session.save().catch((failure: Error) => failure)
          t.session.pad = 'short'
          return error.code
        },
        '/read': read('pad'),
      },
    })
    const visitor = site.visitor()
    expect(await visitor.get('/in')).toMatchObject({ status: 200, body: 'HOLDFAST_COOKIE_TOO_LARGE' })
    expect((await visitor.get('/read')).body).toBe('short')
  })
})

table([dropInCookie], open => {
  it('promise 12: octets are counted, not characters', async () => {
    // A site's own encoder may write what it likes; the cookie that it makes is what counts.
    const encode = (data: object) => encodeURIComponent(JSON.stringify(data))
    const decode = (text: string) => JSON.parse(decodeURIComponent(text))
    const site = await open({ options: { encode, decode }, routes: { '*': write({ pad: '\u20ac'.repeat(500) }) } })
    expect((await site.visitor().get('/')).status).toBe(500)
    expect(site.errors[0].size).toBeGreaterThan(500 * 9)
    expect(site.errors[0].largestKeys).toEqual([{ key: 'pad', octets: 1502 }])
  })
})

table(storeModes, open => {
  it('promise 12: with a store, the size of the data does not matter to the cookie', async () => {
    const site = await open({ routes })
    const visitor = site.visitor()
    expect((await visitor.get('/fill', ask(20_000))).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('20000')
  })
})
