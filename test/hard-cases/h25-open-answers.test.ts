// H25: an answer or a socket that stays open ends with its session: not later, and not while other requests keep it alive.
import { once } from 'node:events'
import http from 'node:http'
import { createSessions, login, type SessionEnd, SessionEndedError, signalOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  dropInMap,
  dropInMemory,
  dropInModes,
  everyMode,
  keys,
  nativeCookie,
  nativeMemory,
  raw,
  read,
  type Setup,
  type Site,
  type Turn,
  type Visitor,
  Watch,
} from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const MINUTE = 60_000
const ORIGIN = 'https://shop.example'

/** Server-sent events until the session ends; the last one says why. */
const stream = (options?: Parameters<typeof signalOf>[1]) => (t: Turn) => {
  const signal = signalOf(t.session, options)
  t.takeOver()
  t.res.writeHead(200, { 'Content-Type': 'text/event-stream' })
  t.res.write('data: hello\n\n')
  signal.addEventListener('abort', () => t.res.end(`data: ended ${signal.reason.reason} ${signal.reason instanceof SessionEndedError}\n\n`))
}

const routes: Setup['routes'] = {
  '/in': t => t.session.login('ann').then(() => 'in'),
  '/read': read('name'),
  '/out': t => t.session.logout().then(() => 'out'),
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  '/events': stream(),
  '/every': stream({ every: '1m' }),
}

/** Until it is so; a turn of the event loop at a time, which no clock of the test stops. */
async function soon(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

/** What is under way has arrived: some turns of the event loop, and another request there and back. */
async function quiet(site: Site): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  await site.visitor().get('/nothing')
}

interface Open {
  text(): string
  done: Promise<string>
}

async function listen(site: Site, visitor: Visitor, path = '/events'): Promise<Open> {
  const answer = raw(site.port, path, { cookie: visitor.header() })
  await soon(() => answer.text().includes('hello'))
  return answer
}

const endedBy = async (answer: Open, end: SessionEnd) => {
  await soon(() => answer.text().includes('ended'))
  expect(await answer.done).toContain(`ended ${end} true`)
}

const clocked = () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.UTC(2030, 0, 1) })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const enter = async (site: Site): Promise<Visitor> => {
  const visitor = site.visitor()
  expect((await visitor.get('/in')).status).toBe(200)
  return visitor
}

table([nativeMemory, nativeCookie], open => {
  clocked()

  it('H25: an open answer is ended at the idle end, and not a moment before', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m' } })
    const answer = await listen(site, await enter(site))
    await pass(30 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, 'idle')
  })

  it('H25: an open answer is ended at the end that login() was given', async () => {
    const site = await open({
      routes: { ...routes, '/in': t => t.session.login('ann', { expiresAt: Date.now() + 5 * MINUTE }).then(() => 'in') },
    })
    const answer = await listen(site, await enter(site))
    await pass(5 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, 'absolute')
  })

  it('H25: when the client goes away nothing is left that waits', async () => {
    const site = await open({ routes })
    const visitor = await enter(site)
    const before = vi.getTimerCount()
    const request = http.get({ host: '127.0.0.1', port: site.port, path: '/events', headers: { cookie: visitor.header() }, agent: false })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    await once(response, 'data')
    expect(vi.getTimerCount()).toBe(before + 1)
    request.on('error', () => undefined)
    request.destroy()
    await soon(() => vi.getTimerCount() === before)
  })

  it('H25: an answer that begins before its session is stored ends with it', async () => {
    const site = await open({
      native: { idleTimeout: '30m' },
      routes: {
        '/begin': async t => {
          const signal = signalOf(t.session)
          await t.session.login('ann')
          t.takeOver()
          t.res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          t.res.write('data: hello\n\n')
          signal.addEventListener('abort', () => t.res.end(`data: ended ${signal.reason.reason} true\n\n`))
        },
      },
    })
    const answer = await listen(site, site.visitor(), '/begin')
    await pass(30 * MINUTE + 1)
    await endedBy(answer, 'idle')
  })

  it('H25: a logout in the same request ends it at once, and who asks twice gets one signal', async () => {
    const site = await open({
      routes: {
        ...routes,
        '/leave': async t => {
          const signal = signalOf(t.session)
          const same = signalOf(t.session) === signal
          await t.session.logout()
          return `${same} ${signal.aborted} ${signal.reason.reason}`
        },
      },
    })
    const visitor = await enter(site)
    expect((await visitor.get('/leave')).body).toBe('true true destroyed')
  })

  it('H25: a session of nobody, which is not stored, never ends', async () => {
    const site = await open({ routes })
    const answer = await listen(site, site.visitor())
    await pass(24 * 60 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    expect(vi.getTimerCount()).toBe(0)
  })
})

table([nativeMemory], open => {
  clocked()

  it('H25: what keeps the session alive keeps the answer open: it ends when the session does', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m' } })
    const visitor = await enter(site)
    const answer = await listen(site, visitor)
    await pass(20 * MINUTE)
    await visitor.get('/read')
    await pass(30 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, 'idle')
    expect((await visitor.get('/read')).body).toBe('nothing')
  })

  it('H25: an open answer does not keep its session alive', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m' } })
    const visitor = await enter(site)
    const answer = await listen(site, visitor, '/every')
    site.store.did()
    await pass(29 * MINUTE)
    expect(new Set(site.store.did())).toEqual(new Set(['load']))
    await pass(MINUTE + 1)
    await endedBy(answer, 'idle')
  })

  it('H25: however often the session is used, an open answer is ended at the absolute end', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m', absoluteTimeout: '1h' } })
    const visitor = await enter(site)
    const answer = await listen(site, visitor)
    for (let times = 0; times < 3; times++) {
      await pass(20 * MINUTE)
      await visitor.get('/read')
    }
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, 'absolute')
  })

  it.each([
    ['a logout', (_site: Site, visitor: Visitor) => visitor.get('/out'), 'destroyed'],
    ['revokeAll', (site: Site) => site.sessions.revokeAll('ann'), 'revoked'],
    ['revokeEveryone', (site: Site) => site.sessions.revokeEveryone(), 'revoked'],
    ['revokeAll of the middleware', (site: Site) => site.middleware.revokeAll('ann'), 'revoked'],
    ['a new id of another request', (_site: Site, visitor: Visitor) => visitor.get('/again'), 'regenerated'],
  ] as const)('H25: %s in this process ends an open answer at once', async (_, end, reason) => {
    const site = await open({ routes })
    const visitor = await enter(site)
    const [answer, another] = [await listen(site, visitor), await listen(site, await enter(site))]
    await end(site, visitor)
    await endedBy(answer, reason)
    await quiet(site)
    expect(another.text().includes('ended')).toBe(reason === 'revoked')
  })

  it('H25: what another process has ended is noticed within `every`, and without it when the session would have ended', async () => {
    // A store that does not tell of ends, as somebody may have written one.
    const silent = new Watch(Object.assign(new MemoryStore(), { watch: undefined }))
    const site = await open({ routes, native: { idleTimeout: '30m' }, store: silent })
    const visitor = await enter(site)
    const [often, seldom] = [await listen(site, visitor, '/every'), await listen(site, visitor)]
    const elsewhere: Loose = createSessions({ keys, store: site.store.store })
    await elsewhere.revokeAll('ann')
    await pass(MINUTE)
    await endedBy(often, 'revoked')
    await quiet(site)
    expect(seldom.text()).not.toContain('ended')
    await pass(29 * MINUTE + 1)
    // By now the tombstone is gone as well.
    await endedBy(seldom, 'idle')
  })

  it('H25: a store that cannot say whether the session lives ends no answer before its time, and does then', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m' } })
    const answer = await listen(site, await enter(site), '/every')
    site.store.fail('load', new Error('down'))
    await pass(30 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(10_000)
    await endedBy(answer, 'unknown')
  })

  it('H25: a store that cannot say whether a logout was carried out ends the answer at once', async () => {
    const site = await open({ routes })
    const visitor = await enter(site)
    const answer = await listen(site, visitor)
    const ending = site.store.stop('delete')
    const leaving = visitor.get('/out')
    await ending.reached
    for (const method of ['delete', 'load']) site.store.fail(method, new Error('down'))
    ending.open()
    await pass(10_000)
    expect((await leaving).status).toBe(500)
    await pass(10_000)
    await endedBy(answer, 'unknown')
  })

  it('H25: an id that is renewed here or on another node is followed', async () => {
    const native = { idleTimeout: '1h', rotate: { every: '15m', grace: '30s' } }
    const site = await open({ routes, native })
    const other = await open({ routes, native, store: site.store })
    const visitor = await enter(site)
    const answer = await listen(site, visitor)
    const browser = other.visitor()
    browser.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
    for (let times = 0; times < 6; times++) {
      await pass(16 * MINUTE)
      expect((await browser.get('/read')).setCookie).toHaveLength(1)
    }
    await pass(MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    const back = site.visitor()
    back.take([...browser.cookies].map(([name, value]) => `${name}=${value}`))
    await back.get('/out')
    await endedBy(answer, 'destroyed')
  })
})

table([nativeCookie], open => {
  clocked()

  it('H25: in cookie mode with revocations a logout here ends an open answer within 5 s, one elsewhere within 10', async () => {
    const revocations = new MemoryStore()
    const [site, other] = [await open({ routes, native: { revocations } }), await open({ routes, native: { revocations } })]
    for (const [where, within] of [
      [site, 5000],
      [other, 10_000],
    ] as const) {
      const visitor = await enter(site)
      const answer = await listen(site, visitor)
      await pass(6000)
      await quiet(site)
      expect(answer.text()).not.toContain('ended')
      const leaving = where.visitor()
      leaving.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
      await leaving.get('/out')
      await pass(within)
      await endedBy(answer, 'destroyed')
    }
  })
})

interface Socket {
  /** 101, or why there is none. */
  status: number
  client: WebSocket
  /** Why the server has hung up. */
  closed: Promise<string>
}

/** A real upgrade, whose server says why it hangs up. */
async function upgrade(site: Site, headers: Record<string, string>, options: Loose = {}): Promise<Socket> {
  const sockets = new WebSocketServer({ noServer: true })
  site.server.removeAllListeners('upgrade')
  site.server.on('upgrade', async (request, socket, head) => {
    const watched = await site.sessions.watch(request, { origins: [ORIGIN], ...options })
    if (!watched) return void socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, connection => {
      watched.signal.addEventListener('abort', () => connection.close(4401, watched.signal.reason.reason))
    })
  })
  const client = new WebSocket(`ws://127.0.0.1:${site.port}/socket`, { headers })
  const closed = new Promise<string>(resolve => void client.on('close', (_code, reason) => resolve(String(reason))))
  const status = await new Promise<number>((resolve, reject) => {
    client.on('open', () => resolve(101))
    client.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    client.on('error', reject)
  })
  return { status, client, closed }
}

table([nativeMemory, nativeCookie], (open, mode) => {
  clocked()

  it('H25: an open socket is closed at the idle end, and not a moment before', async () => {
    const site = await open({ routes, native: { idleTimeout: '30m' } })
    const visitor = await enter(site)
    const { closed, client } = await upgrade(site, { cookie: visitor.header(), origin: ORIGIN })
    if (mode.place === 'memory') {
      await pass(20 * MINUTE)
      await visitor.get('/read')
    }
    await pass(30 * MINUTE)
    await quiet(site)
    expect(client.readyState).toBe(WebSocket.OPEN)
    await pass(1)
    expect(await closed).toBe('idle')
  })

  it('H25: a stranger and a page of another site get no socket, and nothing is followed', async () => {
    const site = await open({ routes })
    const visitor = await enter(site)
    const before = vi.getTimerCount()
    expect((await upgrade(site, { origin: ORIGIN })).status).toBe(401)
    expect((await upgrade(site, { cookie: visitor.header(), origin: 'https://evil.example' })).status).toBe(401)
    expect(vi.getTimerCount()).toBe(before)
    expect(site.events.at(-1)).toMatchObject({ name: 'session:refused', event: { reason: 'origin' } })
  })

  it('H25: a socket that has closed leaves nothing that waits', async () => {
    const site = await open({ routes })
    const visitor = await enter(site)
    const before = vi.getTimerCount()
    const { client } = await upgrade(site, { cookie: visitor.header(), origin: ORIGIN }, { every: '1m' })
    expect(vi.getTimerCount()).toBe(before + 1)
    client.terminate()
    await soon(() => vi.getTimerCount() === before)
  })

  it('H25: misspelt options are refused', async () => {
    const { sessions } = await open({ routes })
    await expect(sessions.watch({ headers: {} }, { evry: '1m' })).rejects.toThrow(/there is no option "evry"/)
    await expect(sessions.watch({ headers: {} }, { every: 'soon' })).rejects.toThrow(/every must be/)
  })
})

table(
  everyMode.filter(mode => !mode.native && mode.place !== 'map'),
  (open, _mode, { framework }) => {
    clocked()

    it('H25: in a drop-in an open answer ends with its session as well', async () => {
      const site = await open({
        options: { maxAge: 30 * MINUTE },
        routes: {
          ...routes,
          '/in': t => {
            t.session.name = 'ann'
            return 'in'
          },
        },
      })
      const answer = await listen(site, await enter(site))
      await pass(30 * MINUTE)
      await quiet(site)
      expect([framework, answer.text().includes('ended')]).toEqual([framework, false])
      await pass(1)
      await endedBy(answer, 'idle')
    })
  },
)

/** In a drop-in the methods of the data's user are functions. */
const besides: Setup['routes'] = { ...routes, '/in': t => login(t.session, 'ann').then(() => 'in') }

table(dropInModes, open => {
  clocked()

  it.each([
    ['idleTimeout', 'idle'],
    ['absoluteTimeout', 'absolute'],
  ] as const)('H25: in a drop-in an open answer ends by %s, however long maxAge is', async (option, end) => {
    const site = await open({ options: { maxAge: 24 * 60 * MINUTE, [option]: 30 * MINUTE }, routes: besides })
    const visitor = await enter(site)
    const answer = await listen(site, visitor)
    await pass(30 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, end)
  })
})

table([dropInMap, dropInMemory], open => {
  clocked()

  it('H25: in a drop-in what keeps the session from being idle keeps the answer open, and who stays signed in is not idle', async () => {
    const site = await open({
      options: { maxAge: 24 * 60 * MINUTE, idleTimeout: 30 * MINUTE },
      routes: { ...besides, '/stay': t => login(t.session, 'bob', { remember: '1d' }).then(() => 'in') },
    })
    const [visitor, stayer] = [await enter(site), site.visitor()]
    await stayer.get('/stay')
    const [answer, other] = [await listen(site, visitor), await listen(site, stayer)]
    await pass(20 * MINUTE)
    await visitor.get('/read')
    await pass(30 * MINUTE)
    await quiet(site)
    expect(answer.text()).not.toContain('ended')
    await pass(1)
    await endedBy(answer, 'idle')
    await quiet(site)
    expect(other.text()).not.toContain('ended')
  })
})

table([dropInMemory], open => {
  clocked()

  it('H25: in a drop-in revokeAll ends the open answers of this user at once, and no others', async () => {
    const site = await open({ routes: { ...besides, '/bob': t => login(t.session, 'bob').then(() => 'in') } })
    const bob = site.visitor()
    await bob.get('/bob')
    const [answer, another] = [await listen(site, await enter(site)), await listen(site, bob)]
    expect(await site.middleware.revokeAll('ann')).toBe(1)
    await endedBy(answer, 'revoked')
    await quiet(site)
    expect(another.text()).not.toContain('ended')
  })
})

table([nativeMemory], open => {
  it('H25: by the real clock: server-sent events and a WebSocket are closed when the session has ended', async () => {
    const site = await open({ routes, native: { idleTimeout: '1s', anonymousTimeout: '1s' } })
    const visitor = await enter(site)
    const began = Date.now()
    const [events, socket] = await Promise.all([listen(site, visitor), upgrade(site, { cookie: visitor.header(), origin: ORIGIN })])
    expect(await socket.closed).toBe('idle')
    expect(await events.done).toContain('ended idle true')
    expect(Date.now() - began).toBeGreaterThan(500)
  })
})
