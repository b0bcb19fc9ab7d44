// What becomes of one session, whatever is in the target; and that what was not copied well is found out.
import type { IndexedSessionStore, SessionRecord } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { copyRecord as copy, endLeftovers, moveRecord } from '../../src/cli/migrate/copy.ts'
import { type PeerOptions, recordsOf } from '../../src/cli/migrate/peers.ts'
import { keyOf, userKeyOf } from '../../src/crypto/session-id.ts'

const HOUR = 3_600_000
const now = Date.now()
const ORIGIN = 'app A'

const options = (part: Partial<PeerOptions> = {}): PeerOptions => ({
  layout: 'express-session',
  scope: 'connect.sid',
  userPath: undefined,
  origin: ORIGIN,
  now: () => now,
  ...part,
})

function copyOf(content: object, part: Partial<PeerOptions> = {}, endsAt: number | undefined = now + HOUR): SessionRecord {
  const { records } = recordsOf([{ id: 'the-id', content, endsAt }], options(part))
  return records[0] as SessionRecord
}

const copyRecord = (record: SessionRecord, to: IndexedSessionStore, origin = ORIGIN) => copy(record, to, origin)

const session = (data: object) => ({ cookie: { originalMaxAge: HOUR }, ...data })

/** A store that spoils what is read of it. */
function spoiled(spoil: (record: SessionRecord) => SessionRecord): IndexedSessionStore {
  const store = new MemoryStore()
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'load') return (Reflect.get(target, name) as () => unknown).bind(target)
      return async (key: string) => {
        const found = await target.load(key)
        return found && !('gone' in found) ? spoil(found) : found
      }
    },
  })
}

describe('a copy', () => {
  it('is made once, and known again', async () => {
    const store = new MemoryStore()
    expect(await copyRecord(copyOf(session({ n: 1 })), store)).toBe('copied')
    expect(await copyRecord(copyOf(session({ n: 1 })), store)).toBe('there')
    expect(await store.load(keyOf('connect.sid', 'the-id'))).toMatchObject({ data: '{"n":1}', maxAge: HOUR, expiresAt: now + HOUR })
  })

  it('is brought up to date, until the site has written on it', async () => {
    const store = new MemoryStore()
    await copyRecord(copyOf(session({ n: 1 })), store)
    const second = copyOf(session({ n: 2 }))
    expect(await copyRecord(second, store)).toBe('updated')
    await store.save({ ...second, data: '{"n":3}', version: 'the-site-s-own-one' }, second.version)
    expect(await copyRecord(copyOf(session({ n: 4 })), store)).toBe('kept')
    expect(await store.load(second.key)).toMatchObject({ data: '{"n":3}' })
  })

  it('is brought up to date where only what stands beside the data has changed', async () => {
    const store = new MemoryStore()
    const of = (meta: object) => copyOf({ cookie: { originalMaxAge: HOUR, _holdfast: { meta } } })
    await copyRecord(of({ a: 1, b: 2 }), store)
    expect(await copyRecord(of({ b: 2, a: 1 }), store)).toBe('there')
    expect(await copyRecord(of({ a: 2, b: 2 }), store)).toBe('updated')
  })

  it('stays with the user that the target knows, and that is said', async () => {
    const store = new MemoryStore()
    const of = (data: object) => copyOf(session(data), { userPath: 'user' })
    await copyRecord(of({ user: 'ann' }), store)
    expect(await copyRecord(of({ user: 'bob' }), store)).toBe('ownerChanged')
    expect(await store.load(keyOf('connect.sid', 'the-id'))).toMatchObject({ data: '{"user":"bob"}', userId: 'ann' })
    expect(await copyRecord(of({ user: 'bob' }), store)).toBe('ownerChanged')
    const late = new MemoryStore()
    await copyRecord(copyOf(session({ user: 'ann' })), late)
    expect(await copyRecord(of({ user: 'ann' }), late)).toBe('ownerChanged')
  })

  it('of another source is left alone', async () => {
    const store = new MemoryStore()
    const of = (n: number, origin: string) => copyOf(session({ n }), { origin })
    await copyRecord(of(1, 'app B'), store, 'app B')
    expect(await copyRecord(of(2, ORIGIN), store)).toBe('kept')
    expect(await endLeftovers(store, new Set(), ORIGIN)).toBe(0)
    expect(await endLeftovers(store, new Set(), 'app B')).toBe(1)
  })

  it.each([HOUR, null])('is prolonged where its session was used, never shortened (maxAge %s)', async originalMaxAge => {
    const store = new MemoryStore()
    const copyRecord = (record: SessionRecord, to: IndexedSessionStore, origin = ORIGIN) => copy(record, to, origin)

    const session = (data: object) => ({ cookie: { originalMaxAge }, ...data })
    const one = copyOf(session({}))
    await copyRecord(one, store)
    for (const [end, expected] of [
      [now + 2 * HOUR, now + 2 * HOUR],
      [now + HOUR, now + 2 * HOUR],
    ] as const) {
      expect(await copyRecord(copyOf(session({}), {}, end), store)).toBe('there')
      expect(await store.load(one.key)).toMatchObject({ expiresAt: expected })
    }
  })

  it('brings back nothing that has ended in the target', async () => {
    const store = new MemoryStore()
    const one = copyOf(session({}))
    await copyRecord(one, store)
    await store.delete(one.key, 'destroyed')
    expect(await copyRecord(one, store)).toBe('ended')
    expect(await store.load(one.key)).toEqual({ gone: 'destroyed' })
  })

  it.each([
    ['data', { data: '{"n":2}' }],
    ['whose it is', { userId: 'bob' }],
    ['its life', { maxAge: 1 }],
    ['its end', { expiresAt: now + 1 }],
    ['what stands beside', { meta: { a: 2 } }],
  ])('that is read back with other %s is an error', async (_, wrong) => {
    const content = { cookie: { originalMaxAge: HOUR, _holdfast: { userId: 'ann', meta: { a: 1 } } }, n: 1 }
    await expect(
      copyRecord(
        copyOf(content),
        spoiled(record => ({ ...record, ...wrong })),
      ),
    ).rejects.toThrow('read back')
    expect(
      await copyRecord(
        copyOf(content),
        spoiled(record => ({ ...record })),
      ),
    ).toBe('copied')
  })
})

it('a move that is read back otherwise does not say that the source is as it was', async () => {
  const from = new MemoryStore()
  const one = copyOf(session({ n: 1 }))
  await from.create(one)
  const moving = moveRecord(
    one,
    from,
    spoiled(record => ({ ...record, maxAge: 1 })),
  )
  await expect(moving).rejects.toThrow(/read back.*of a session that is in the source no more$/)
  expect(await from.load(one.key)).toEqual({ gone: 'expired' })
})

describe('what the layouts say', () => {
  it('express-session: the life of the cookie, the end of the store, what Holdfast has kept beside', () => {
    const marks = { createdAt: now - HOUR, touchedAt: now - 5, authenticatedAt: now - 9, endsAt: now + 1000, userId: 'ann', meta: { d: 1 } }
    expect(copyOf({ cookie: { originalMaxAge: HOUR, _holdfast: marks }, __lastAccess: 1, id: 'x', n: 1 })).toEqual({
      key: keyOf('connect.sid', 'the-id'),
      partition: '',
      data: '{"n":1}',
      version: expect.stringMatching(/^[\w-]{16}$/),
      createdAt: now - HOUR,
      touchedAt: now - 5,
      authenticatedAt: now - 9,
      idleMs: 400 * 24 * HOUR,
      expiresAt: now + 1000,
      absoluteExpiresAt: now + 1000,
      maxAge: HOUR,
      userId: 'ann',
      userKey: userKeyOf('connect.sid', 'ann'),
      meta: { d: 1 },
    })
    const end = new Date(now + 7000)
    expect(
      recordsOf([{ id: 'a', content: { cookie: { originalMaxAge: null, expires: end.toISOString() } } }], options()).records,
    ).toMatchObject([{ maxAge: null, expiresAt: now + 7000, createdAt: 0 }])
  })

  it('koa-session: its own end counts, not the ten seconds more that the store has', () => {
    const koa = { layout: 'koa-session', scope: 'koa.sess' } as const
    expect(copyOf({ n: 1, _expire: now + HOUR, _maxAge: HOUR }, koa, now + HOUR + 10_000)).toMatchObject({
      data: '{"n":1}',
      expiresAt: now + HOUR,
      maxAge: HOUR,
    })
    expect(copyOf({ n: 1, _session: true }, koa, now + 9000)).toMatchObject({ data: '{"n":1}', expiresAt: now + 9000, maxAge: null })
  })

  it.each([
    ['passport.user', { passport: { user: 'ann' } }, 'ann'],
    ['user.id', { user: { id: 7 } }, '7'],
    ['user.id', { user: 'ann' }, undefined],
    ['__proto__.x', {}, undefined],
    ['user', { user: '' }, undefined],
    ['user', { user: 'x'.repeat(256) }, undefined],
  ])('the user at %s', (userPath, data, userId) => {
    expect(copyOf(session(data), { userPath }).userId).toBe(userId)
  })

  it('what is no session is counted, and what has ended', () => {
    const contents = ['', 'null', '[]', '{"cookie":1}', '{', '{}', 7, null]
    const stored = contents.map((content, n) => ({ id: String(n), content }))
    expect(recordsOf(stored, options())).toEqual({ records: [], unreadable: contents.length, ended: 0 })
    expect(recordsOf([{ id: 'a', content: session({}), endsAt: now - 1 }], options())).toEqual({ records: [], unreadable: 0, ended: 1 })
  })

  it('a name of the prototype stays data', () => {
    const text = '{"cookie":{"originalMaxAge":null},"__proto__":{"a":1}}'
    expect(recordsOf([{ id: 'a', content: text }], options()).records[0]?.data).toBe('{"__proto__":{"a":1}}')
  })
})
