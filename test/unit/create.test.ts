import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headerTransport } from '../../src/core/transport.ts'
import { createSessions } from '../../src/native/create-sessions.ts'
import type { CreateSessionsOptions } from '../../src/native/options.ts'
import { Sessions } from '../../src/native/sessions.ts'
import { MemoryStore } from '../../src/stores/memory.ts'
import { clock, HOUR, hold, MINUTE, record, secret, tokenOf } from './support.ts'

const keys = [secret(1)]
let warned: string[] = []

beforeEach(() => {
  warned = []
  vi.spyOn(process, 'emitWarning').mockImplementation((warning: unknown, options?: unknown) => {
    warned.push(String((options as { code?: string } | undefined)?.code ?? warning))
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** A site with a session of these data, and the token to it. */
async function site(options: Partial<CreateSessionsOptions> = {}, data: Record<string, unknown> = { user: 'alice' }) {
  const time = clock()
  const store = 'store' in options ? options.store : new MemoryStore({ now: time.now })
  const sessions = createSessions<Record<string, unknown>>({ keys, now: time.now, ...options, ...(store && { store }) })
  const session = await sessions.manager.open(undefined, {})
  Object.assign(hold(session), data)
  const token = tokenOf(await sessions.manager.commit(session, {}))
  return { sessions, store, time, token, session }
}

const request = (token: string, name = '__Host-sid') => ({ headers: { cookie: `other=1; ${name}=${token}` } })

/** A store that does not know whose sessions it holds. */
function withoutIndex(): object {
  const methods = ['load', 'create', 'save', 'replace', 'touch', 'delete', 'close']
  return Object.fromEntries(methods.map(name => [name, async () => null]))
}

describe('createSessions refuses', () => {
  it.each<[string, object, RegExp]>([
    ['no keys', {}, /keys is required/],
    ['an empty list of keys', { keys: [] }, /keys is required/],
    ['a missing environment variable', { keys: [undefined] }, /keys\[0\]/],
    ['a short secret', { keys: ['short'] }, /at least 32 octets/],
    ['a second secret that is short', { keys: [secret(1), 'short'] }, /keys\[1\].*at least 32 octets/],
    ['a store of three methods', { keys, store: { get() {}, set() {}, destroy() {} } }, /store must be a Holdfast store/],
    ['null for a store', { keys, store: null }, /store must be a Holdfast store/],
    ['a cookie and a transport', { keys, cookie: {}, transport: headerTransport('x') }, /cookie and transport exclude each other/],
    ['an idle timeout of nothing', { keys, idleTimeout: 0 }, /^idleTimeout must be/],
    ['an absolute timeout that is no time', { keys, absoluteTimeout: 'soon' }, /^absoluteTimeout must be/],
    ['an absolute timeout below the idle one', { keys, idleTimeout: '2h', absoluteTimeout: '1h' }, /absoluteTimeout is shorter/],
    ['a touch interval that is no time', { keys, touchInterval: -1 }, /^touchInterval must be/],
    [
      'a touch interval that lets a session in use end',
      { keys, idleTimeout: '30m', touchInterval: '16m' },
      /touchInterval must be at most half/,
    ],
    ['an absolute timeout above 400 days', { keys, absoluteTimeout: '401d' }, /400 days/],
    ['a limit of no sessions', { keys, store: new MemoryStore(), maxSessionsPerUser: 0 }, /maxSessionsPerUser must be a whole number/],
    ['a limit of half a session', { keys, store: new MemoryStore(), maxSessionsPerUser: 1.5 }, /maxSessionsPerUser must be a whole number/],
    ['a limit that is a text', { keys, store: new MemoryStore(), maxSessionsPerUser: '3' }, /maxSessionsPerUser must be a whole number/],
    [
      'what to do at a limit that is none',
      { keys, store: new MemoryStore(), onSessionLimit: 'deny' },
      /onSessionLimit needs maxSessionsPerUser/,
    ],
    [
      'a way to keep to a limit that is none',
      { keys, store: new MemoryStore(), maxSessionsPerUser: 1, onSessionLimit: 'evict' },
      /onSessionLimit must be 'evict-oldest' or 'deny'/,
    ],
    ['a limit in cookie mode', { keys, maxSessionsPerUser: 1 }, /nobody counts the sessions that live in cookies/],
    ['a limit beside revocations', { keys, revocations: new MemoryStore(), maxSessionsPerUser: 1 }, /nobody counts the sessions/],
    ['a limit in a store without an index', { keys, store: withoutIndex(), maxSessionsPerUser: 1 }, /needs a store that keeps an index/],
    ['a conflict policy that is none', { keys, conflict: 'eror' }, /conflict must be/],
    ['onGone that is none', { keys, onGone: 'x' }, /onGone must be/],
    ['a guard that is text', { keys, guard: 'user' }, /guard must be/],
    ['a guard of numbers', { keys, guard: [1] }, /guard must be/],
    ['an empty scope', { keys, scope: '' }, /scope must be/],
    ['a clock that is none', { keys, now: 5 }, /now must be/],
    ['a transport without its methods', { keys, transport: { read() {} } }, /transport\.write/],
    ['keys that are one text', { keys: 'x'.repeat(32) }, /keys is required/],
    ['an option that is misspelt', { keys, idleTimout: '30m' }, /no option "idleTimout"/],
    ['a store timeout that is no time', { keys, storeTimeout: 'long' }, /^storeTimeout must be/],
    ['a cookie that no browser keeps', { keys, cookie: { name: '__Host-a', domain: 'example.org' } }, /cookie\.name/],
    ['a cookie that is not Secure', { keys, cookie: { secure: false } }, /cookie\.secure/],
  ])('%s', (_, options, message) => {
    expect(() => createSessions(options as CreateSessionsOptions)).toThrow(TypeError)
    expect(() => createSessions(options as CreateSessionsOptions)).toThrow(message)
  })

  it('only revoked keys, with a code of its own', () => {
    expect(() => createSessions({ keys: [{ secret: secret(1), revoked: true }] })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_KEYS' }),
    )
  })

  it('keys of a function only when they are needed', async () => {
    const sessions = createSessions({ keys: () => undefined, store: new MemoryStore() })
    expect(await sessions.load({ headers: {} })).toBeNull()
    await expect(sessions.load(request(`${'a'.repeat(10)}.AAAAAAAA.AAAAAAAA.0.${'A'.repeat(43)}`))).rejects.toMatchObject({
      code: 'HOLDFAST_KEYS',
    })
  })
})

describe('createSessions', () => {
  it('is frozen, and says what cookie mode cannot promise', () => {
    const sessions = createSessions({ keys })
    expect(sessions).toBeInstanceOf(Sessions)
    expect(Object.isFrozen(sessions)).toBe(true)
    expect(warned).toEqual(['HOLDFAST_COOKIE_MODE'])
    expect([sessions.manager.eager, createSessions({ keys, store: new MemoryStore() }).manager.eager]).toEqual([false, true])
    expect(warned).toEqual(['HOLDFAST_COOKIE_MODE'])
  })

  it('has an idle timeout of 30 minutes and an absolute one of 12 hours, with and without a store', async () => {
    for (const store of [undefined, new MemoryStore()]) {
      const { sessions, session, time } = await site({ store } as Partial<CreateSessionsOptions>)
      const { idleMs, absoluteExpiresAt } = session.life ?? {}
      expect([idleMs, (absoluteExpiresAt ?? 0) - time.now()]).toEqual([30 * MINUTE, 12 * HOUR])
      await sessions.close()
    }
  })

  it('writes nothing legible into a cookie, and no id into a store', async () => {
    const sealed = await site({ store: undefined } as unknown as Partial<CreateSessionsOptions>)
    expect(Buffer.from(sealed.token, 'base64url').includes('alice')).toBe(false)
    const seen: string[] = []
    const store = new MemoryStore()
    const create = store.create.bind(store)
    store.create = made => {
      seen.push(JSON.stringify(made))
      return create(made)
    }
    const stored = await site({ store, now: Date.now })
    const id = stored.session.id as string
    expect(stored.token.startsWith(`${id}.`)).toBe(true)
    expect(seen.length).toBe(1)
    expect(seen[0]).not.toContain(id.slice(4))
  })

  it('keeps two apps on one store apart by their scope, which is the cookie’s name', async () => {
    const one = await site({ cookie: { name: 'user.sid' } })
    const { store, time } = one
    const other = createSessions({ keys, store: store as MemoryStore, now: time.now, cookie: { name: 'admin.sid' } })
    expect(await other.load(request(one.token, 'admin.sid'))).toBeNull()
    const same = createSessions({ keys, store: store as MemoryStore, now: time.now, cookie: { name: 'admin.sid' }, scope: 'user.sid' })
    expect(await same.load(request(one.token, 'admin.sid'))).toEqual({ user: 'alice' })
  })

  it('takes the tokens of a header, and no cookie then', async () => {
    const { sessions, token } = await site({ transport: headerTransport('X-Session-Token') })
    expect(await sessions.load({ headers: { 'x-session-token': token } })).toEqual({ user: 'alice' })
    expect(await sessions.load(request(token, 'session'))).toBeNull()
  })

  it('a cookie too large is a typed error that names the largest keys; a header may be larger', async () => {
    const data = { big: 'x'.repeat(4000), small: 1 }
    await expect(site({ store: undefined } as unknown as Partial<CreateSessionsOptions>, data)).rejects.toMatchObject({
      code: 'HOLDFAST_COOKIE_TOO_LARGE',
      largestKeys: [
        { key: 'big', octets: 4002 },
        { key: 'small', octets: 1 },
      ],
    })
    const header = await site({ store: undefined, transport: headerTransport('x') } as unknown as Partial<CreateSessionsOptions>, data)
    expect(header.token.length).toBeGreaterThan(4096)
  })
})

describe('load(req)', () => {
  it('reads a session, and never creates, changes or sets anything', async () => {
    const { sessions, store, token, time } = await site()
    const calls: string[] = []
    for (const name of ['create', 'save', 'replace', 'touch', 'delete'] as const) {
      Object.assign(store as MemoryStore, {
        [name]: () => {
          calls.push(name)
        },
      })
    }
    time.advance(20 * MINUTE)
    const data = await sessions.load(request(token))
    expect(data).toEqual({ user: 'alice' })
    Object.assign(data ?? {}, { user: 'mallory' })
    expect(await sessions.load(request(token))).toEqual({ user: 'alice' })
    time.advance(10 * MINUTE + 1)
    expect(await sessions.load(request(token))).toBeNull()
    expect(calls).toEqual([])
  })

  it.each([
    ['none', {}],
    ['an empty cookie', { cookie: '__Host-sid=' }],
    ['garbage', { cookie: '__Host-sid=garbage' }],
    ['a name in other letters', { cookie: '__host-sid=x' }],
  ])('%s is null', async (_, headers) => {
    const { sessions } = await site()
    expect(await sessions.load({ headers })).toBeNull()
  })

  it('of an ended session is null', async () => {
    const { sessions, session, token } = await site()
    session.destroyed = true
    await sessions.manager.commit(session, {})
    expect(await sessions.load(request(token))).toBeNull()
  })

  it('fails when the store does, with a typed error', async () => {
    const { sessions, store, token } = await site()
    ;(store as MemoryStore).load = () => Promise.reject(new Error('down'))
    await expect(sessions.load(request(token))).rejects.toMatchObject({ code: 'HOLDFAST_STORE' })
  })
})

describe('events', () => {
  it('tells of what happened, with the request, and shows no id; a listener that throws is a warning', async () => {
    const { sessions, token, time } = await site()
    const told: unknown[] = []
    const listener = (event: unknown) => {
      told.push(event)
      throw new Error('mine')
    }
    expect(sessions.on('session:missed', listener)).toBe(sessions)
    time.advance(HOUR)
    const asked = request(token)
    await sessions.load(asked)
    expect(told).toEqual([{ reason: 'missed', ref: expect.stringMatching(/^[\w-]{11}$/) }])
    expect((told[0] as { request: unknown }).request).toBe(asked)
    expect(warned).toEqual(['Error: mine'])
    expect(sessions.off('session:missed', listener)).toBe(sessions)
    await sessions.load(asked)
    expect(told.length).toBe(1)
  })

  it('a session refers to itself by one name in all its events', async () => {
    const { sessions, store, token, session } = await site()
    const refs: unknown[] = []
    sessions.on('session:gone', ({ ref }) => refs.push(ref))
    const late = await sessions.manager.open(token, {})
    Object.assign(hold(late), { n: 1 })
    session.destroyed = true
    await sessions.manager.commit(session, {})
    await sessions.manager.commit(late, {})
    await sessions.load(request(token))
    expect(refs.length).toBe(2)
    expect(refs[0]).toBe(refs[1])
    await (store as MemoryStore).create(record({ key: 'x' }))
    await sessions.close()
    expect((store as MemoryStore).size).toBe(0)
  })
})
