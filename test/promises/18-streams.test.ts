import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { regenerate, save, update } from 'holdfast'
import { expect, it } from 'vitest'
import {
  type Answer,
  everyMode,
  type Handler,
  read,
  redirectTo,
  refuse,
  type Setup,
  type Site,
  storeModes,
  type Turn,
  write,
} from './support.ts'
import { table } from './table.ts'

const octets = randomBytes(70_000)
const pieces = () => Readable.from([octets.subarray(0, 10), octets.subarray(10, 66_000), octets.subarray(66_000)])

/** Writes into the session, where the app has one. */
function touch(t: Turn): void {
  if (t.session) t.session.name = 'ann'
}

const answers: Record<string, { act: Handler; method?: string; headers?: Record<string, string> }> = {
  'a text': { act: () => 'text' },
  'an object': { act: () => ({ a: 1 }) },
  'nothing at all': { act: t => t.status(204) },
  'a stream': { act: pieces },
  'a compressed body': {
    act: t => {
      t.header('Content-Encoding', 'gzip')
      return gzipSync(octets)
    },
  },
  'HEAD of a text': { act: () => 'text', method: 'HEAD' },
  'HEAD of a stream': { act: pieces, method: 'HEAD' },
  '304': {
    act: t => {
      t.header('ETag', '"1"')
      t.status(t.req.headers['if-none-match'] === '"1"' ? 304 : 500)
    },
    headers: { 'if-none-match': '"1"' },
  },
  'a redirect': { act: t => redirectTo(t, '/elsewhere') },
  'an error': { act: refuse(403, 'no') },
  'not found': { act: () => undefined },
  'events, written one by one': {
    act: async t => {
      if (t.session) await save(t.session)
      t.takeOver()
      t.res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      for (let i = 0; i < 3; i++) {
        t.res.write(`data: ${i}\n\n`)
        await new Promise(resolve => setImmediate(resolve))
      }
      t.res.end()
    },
  },
  'a pipe into the response': {
    act: async t => {
      if (t.session) await save(t.session)
      t.takeOver()
      t.res.statusCode = 200
      await pipeline(pieces(), t.res)
    },
  },
  'headers sent long before the end': {
    act: async t => {
      if (t.session) await save(t.session)
      t.takeOver()
      t.res.statusCode = 201
      t.res.flushHeaders()
      await new Promise(resolve => setImmediate(resolve))
      t.res.end('late')
    },
  },
}

const added = ['date', 'set-cookie', 'cache-control', 'vary']

function withoutSession({ status, headers, octets: body }: Answer): object {
  const others = Object.fromEntries(Object.entries(headers).filter(([name]) => !added.includes(name)))
  return { status, headers: others, body: body.toString('base64') }
}

table(everyMode, open => {
  it.each(Object.keys(answers))('promise 18: the same octets with and without a session: %s', async what => {
    const { act, ...ask } = answers[what] as (typeof answers)[string]
    const routes: Setup['routes'] = {
      '/act': t => {
        touch(t)
        return act(t)
      },
      '/read': read('name'),
    }
    const site = await open({ routes })
    const bare = await open({ routes, bare: true })
    const visitor = site.visitor()
    const answer = await visitor.get('/act', ask)
    expect(withoutSession(answer)).toEqual(withoutSession(await bare.visitor().get('/act', ask)))
    if (what === 'a compressed body') expect(gunzipSync(answer.octets).equals(octets)).toBe(true)
    expect((await visitor.get('/read')).body).toBe('ann')
    expect(site.errors.filter(error => error.status !== 403)).toEqual([])
  })

  it.each(['at the end', 'save()', 'update()', 'regenerate()'])(
    'promise 18: a new session after the headers were sent is an error (%s), and nothing is stored',
    async way => {
      const site = await open({
        routes: {
          '*': async t => {
            t.takeOver()
            t.res.statusCode = 200
            t.res.write('begun,')
            await t.headLeft()
            t.session.name = 'ann'
            const late: Record<string, () => Promise<unknown>> = {
              'at the end': async () => undefined,
              'save()': () => save(t.session),
              'update()': () => update(t.session, draft => Object.assign(draft, { n: 1 })),
              'regenerate()': () => regenerate(t.session),
            }
            try {
              await late[way]?.()
            } finally {
              t.res.end('ended')
            }
          },
        },
      })
      expect(await site.visitor().get('/')).toMatchObject({ status: 200, body: 'begun,ended', setCookie: [] })
      expect(site.errors.length).toBeGreaterThan(0)
      for (const error of site.errors) expect(error).toMatchObject({ name: 'SessionHeadersSentError', code: 'HOLDFAST_HEADERS_SENT' })
      expect(site.store.wrote()).toEqual([])
      expect(site.store.size).toBe(0)
    },
  )

  it('promise 18: an explicit save and the commit at the end are one write and one cookie', async () => {
    const site = await open({
      routes: {
        '/act': t => write({ name: 'ann' }, () => save(t.session).then(() => 'done'))(t),
        '/twice': t => write({ name: 'bob' }, () => Promise.all([save(t.session), 1]).then(() => pieces()))(t),
      },
    })
    const visitor = site.visitor()
    for (const path of ['/act', '/twice']) {
      const answer = await visitor.get(path)
      expect(answer.setCookie.filter(line => line.startsWith(`${site.cookieName}=`)).length).toBeLessThanOrEqual(1)
      expect(site.store.wrote().length).toBe(site.store.size === 0 ? 0 : 1)
    }
  })

  it('promise 18: a visitor who goes away in the middle of a stream harms nobody', async () => {
    const site = await open({ routes: { '/act': write({ name: 'ann' }, () => pieces()), '/ping': () => 'pong' } })
    await abort(site, '/act')
    expect((await site.visitor().get('/ping')).body).toBe('pong')
  })
})

async function abort(site: Site, path: string): Promise<void> {
  const controller = new AbortController()
  const response = await fetch(`http://127.0.0.1:${site.port}${path}`, { signal: controller.signal })
  controller.abort()
  await response.arrayBuffer().catch(() => undefined)
}

table(storeModes, open => {
  it('promise 18: a change of a known session after the headers were sent is saved', async () => {
    const site = await open({
      routes: {
        '/in': write({ name: 'ann' }),
        '/late': async t => {
          t.takeOver()
          t.res.statusCode = 200
          t.res.flushHeaders()
          await t.headLeft()
          t.session.name = 'bob'
          t.res.end('done')
        },
        '/read': read('name'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    site.store.did()
    expect(await visitor.get('/late')).toMatchObject({ status: 200, body: 'done', setCookie: [] })
    await expect.poll(async () => (await visitor.get('/read')).body).toBe('bob')
    expect(site.errors).toEqual([])
    expect(site.store.wrote()).toHaveLength(1)
  })
})
