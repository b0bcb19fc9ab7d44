// The contract of a SessionStore, as tests that any store and any runner can run. `create` makes an empty store whose clock is `now`.
import assert from 'node:assert/strict'
import type { GoneReason, SessionRecord } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'

export interface ContractOptions {
  describe: (name: string, body: () => void) => void
  it: (name: string, body: () => Promise<void>) => void
  create: (now: () => number) => SessionStore | Promise<SessionStore>
}

const MINUTE = 60_000
const REASONS: GoneReason[] = ['destroyed', 'regenerated', 'rotated', 'revoked', 'evicted', 'expired']

/** Names and values that a layout of keys, columns or fields might trip over. */
const ODD_DATA = [
  '{}',
  '{"__proto__":{"admin":true},"constructor":1,"prototype":2,"toString":3}',
  '{"_id":"x","key":"y","data":"z","version":"v","gone":"destroyed","length":5}',
  '{"":"","$set":{"a.b":1},"a.b":2,"0":0,"1":1}',
  '{"lone":"\\ud800","escaped":"\\u0000\\u2028","quotes":"\'\\"`;--"}',
  '{"deep":[[[[[[[[[[[[[[[[{"a":null}]]]]]]]]]]]]]]]],"n":[1e21,-0.5,true,false,null]}',
  `{"text":"é😀 ${'x'.repeat(100_000)}"}`,
]

export function testSessionStore({ describe, it, create }: ContractOptions): void {
  let time = 0
  let count = 0
  const now = () => time
  const wait = (ms: number) => {
    time += ms
  }
  const record = (key: string, part: Partial<SessionRecord> = {}): SessionRecord => ({
    key,
    partition: 'p',
    data: `{"n":${++count}}`,
    version: `version ${count}`,
    createdAt: time,
    touchedAt: time,
    idleMs: 10 * MINUTE,
    expiresAt: time + 10 * MINUTE,
    ...part,
  })
  /** A test on a store of its own, which is closed whatever happens. */
  const test = (name: string, body: (store: SessionStore) => Promise<void>) =>
    it(name, async () => {
      time = Date.UTC(2030, 0, 1)
      const store = await create(now)
      try {
        await body(store)
      } finally {
        await store.close()
      }
    })

  describe('create and load', () => {
    test('gives back what was put in, all of it', async store => {
      const plain = record('a')
      const full = record('b', {
        userKey: 'u',
        userId: 'alice',
        authenticatedAt: time,
        absoluteExpiresAt: time + MINUTE,
        maxAge: null,
        meta: { device: 'x', list: [1, { a: null }] },
      })
      assert.equal(await store.create(plain), true)
      assert.equal(await store.create(full), true)
      assert.deepEqual(await store.load('a'), plain)
      assert.deepEqual(await store.load('b'), full)
      assert.equal(await store.load('c'), null)
    })

    test('gives back odd data to the octet', async store => {
      for (const [n, data] of ODD_DATA.entries()) {
        const made = record(`k${n}`, { data })
        assert.equal(await store.create(made), true)
        assert.deepEqual(await store.load(`k${n}`), made)
      }
      assert.equal(({} as { admin?: unknown }).admin, undefined)
    })

    test('shares no object with its callers', async store => {
      const given = record('a', { meta: { list: [1] } })
      const kept = structuredClone(given)
      await store.create(given)
      given.data = 'changed'
      Object.assign(given.meta ?? {}, { list: 'changed' })
      const loaded = (await store.load('a')) as SessionRecord
      assert.deepEqual(loaded, kept)
      loaded.version = 'changed'
      Object.assign(loaded.meta ?? {}, { list: 'changed' })
      assert.deepEqual(await store.load('a'), kept)
    })

    test('never overwrites', async store => {
      const first = record('a')
      await store.create(first)
      assert.equal(await store.create(record('a')), false)
      assert.deepEqual(await store.load('a'), first)
    })

    test('of racing creators exactly one wins, and its record is there', async store => {
      const rivals = Array.from({ length: 20 }, () => record('a'))
      const won = await Promise.all(rivals.map(rival => store.create(rival)))
      assert.equal(won.filter(Boolean).length, 1)
      assert.deepEqual(await store.load('a'), rivals[won.indexOf(true)])
    })

    test('that finds its own version has been done already (H2)', async store => {
      const made = record('a')
      await store.create(made)
      assert.equal(await store.create({ ...made }), true)
      assert.deepEqual(await store.load('a'), made)
    })

    test('tells keys apart that differ in case, accent or blanks (H14)', async store => {
      const keys = ['Bob', 'bob', 'bob ', 'bób', ' bob', 'bob\u0000', 'bo']
      for (const key of keys) assert.equal(await store.create(record(key, { data: JSON.stringify({ key }) })), true, key)
      for (const key of keys) assert.equal(((await store.load(key)) as SessionRecord).data, JSON.stringify({ key }))
    })
  })

  describe('save', () => {
    test('with the version that is there, overwrites all', async store => {
      const first = record('a', { userKey: 'u', userId: 'alice', maxAge: 5 * MINUTE, meta: { a: 1 } })
      await store.create(first)
      const second = record('a')
      assert.deepEqual(await store.save(second, first.version), { status: 'saved' })
      assert.deepEqual(await store.load('a'), second)
    })

    test('with another version, answers with what is there and changes nothing', async store => {
      const first = record('a')
      await store.create(first)
      assert.deepEqual(await store.save(record('a'), 'another'), { status: 'conflict', current: first })
      assert.deepEqual(await store.load('a'), first)
    })

    test('never inserts', async store => {
      const vanished = record('a')
      assert.deepEqual(await store.save(vanished, vanished.version), { status: 'missing' })
      assert.deepEqual(await store.save(record('a'), ''), { status: 'missing' })
      assert.equal(await store.load('a'), null)
    })

    test('of racing writers exactly one wins, the others see it', async store => {
      const first = record('a')
      await store.create(first)
      const rivals = Array.from({ length: 20 }, () => record('a'))
      const results = await Promise.all(rivals.map(rival => store.save(rival, first.version)))
      const winner = rivals[results.findIndex(({ status }) => status === 'saved')]
      assert.deepEqual(await store.load('a'), winner)
      for (const [n, result] of results.entries()) {
        assert.deepEqual(result, rivals[n] === winner ? { status: 'saved' } : { status: 'conflict', current: winner })
      }
    })

    test('that finds its own version has been done already (H2)', async store => {
      const first = record('a')
      const second = record('a')
      await store.create(first)
      await store.save(second, first.version)
      assert.deepEqual(await store.save({ ...second }, first.version), { status: 'saved' })
    })

    test('after a delete and a new create of the same key, conflicts with the old version (H2)', async store => {
      const first = record('a', { expiresAt: time + 1 })
      await store.create(first)
      wait(2)
      const second = record('a')
      assert.equal(await store.create(second), true)
      assert.deepEqual(await store.save(record('a'), first.version), { status: 'conflict', current: second })
    })
  })

  describe('replace', () => {
    test('inserts the new and buries the old in one step', async store => {
      const old = record('old')
      const next = record('new')
      await store.create(old)
      assert.deepEqual(await store.replace('old', old.version, next, 'regenerated'), { status: 'replaced' })
      assert.deepEqual(await store.load('old'), { gone: 'regenerated' })
      assert.deepEqual(await store.load('new'), next)
    })

    test('with another version, answers with what is there and changes nothing', async store => {
      const old = record('old')
      await store.create(old)
      assert.deepEqual(await store.replace('old', 'another', record('new'), 'rotated'), { status: 'conflict', current: old })
      assert.deepEqual([await store.load('old'), await store.load('new')], [old, null])
    })

    test('of what is not there, or has ended, is missing and inserts nothing', async store => {
      const old = record('old')
      assert.deepEqual(await store.replace('old', old.version, record('new'), 'rotated'), { status: 'missing' })
      await store.create(old)
      await store.delete('old', 'destroyed')
      assert.deepEqual(await store.replace('old', old.version, record('new'), 'rotated'), { status: 'missing' })
      assert.deepEqual([await store.load('old'), await store.load('new')], [{ gone: 'destroyed' }, null])
    })

    test('onto a key that is taken changes nothing', async store => {
      const old = record('old')
      const taken = record('taken')
      await store.create(old)
      await store.create(taken)
      assert.notEqual((await store.replace('old', old.version, record('taken'), 'rotated')).status, 'replaced')
      assert.deepEqual([await store.load('old'), await store.load('taken')], [old, taken])
    })

    test('of racing calls exactly one wins, and one new record lives (H3)', async store => {
      const old = record('old')
      await store.create(old)
      const rivals = Array.from({ length: 10 }, (_, n) => record(`new${n}`))
      const results = await Promise.all(rivals.map(rival => store.replace('old', old.version, rival, 'rotated')))
      assert.equal(results.filter(({ status }) => status === 'replaced').length, 1)
      const alive = await Promise.all(rivals.map(rival => store.load(rival.key)))
      assert.deepEqual(
        alive.map(Boolean),
        results.map(({ status }) => status === 'replaced'),
      )
      assert.deepEqual(await store.load('old'), { gone: 'rotated' })
    })

    test('loses no save that was acknowledged before it (H3)', async store => {
      const old = record('old')
      await store.create(old)
      const saved = record('old')
      const [save, replaced] = await Promise.all([
        store.save(saved, old.version),
        store.replace('old', old.version, record('new'), 'rotated'),
      ])
      const outcome = [save.status, replaced.status]
      if (outcome[0] === 'saved')
        assert.deepEqual([outcome[1], await store.load('old'), await store.load('new')], ['conflict', saved, null])
      else assert.deepEqual([outcome, await store.load('old')], [['missing', 'replaced'], { gone: 'rotated' }])
    })

    test('that finds its own version has been done already (H2)', async store => {
      const old = record('old')
      const next = record('new')
      await store.create(old)
      await store.replace('old', old.version, next, 'rotated')
      assert.deepEqual(await store.replace('old', old.version, { ...next }, 'rotated'), { status: 'replaced' })
    })
  })

  describe('delete and tombstones', () => {
    test('tells whether something lived, and leaves a reason', async store => {
      for (const reason of REASONS) {
        await store.create(record(reason))
        assert.equal(await store.delete(reason, reason), true)
        assert.equal(await store.delete(reason, 'destroyed'), false)
        assert.deepEqual(await store.load(reason), { gone: reason })
      }
      assert.equal(await store.delete('never was', 'destroyed'), false)
      assert.deepEqual(await store.load('never was'), { gone: 'destroyed' })
    })

    test('what has ended stays dead: no save, touch or create brings it back', async store => {
      const made = record('a')
      await store.create(made)
      await store.delete('a', 'destroyed')
      assert.deepEqual(await store.save(record('a'), made.version), { status: 'missing' })
      assert.equal(await store.touch('a', { touchedAt: time, expiresAt: time + MINUTE }), false)
      assert.equal(await store.create(record('a')), false)
      assert.equal(await store.create({ ...made }), false)
      assert.deepEqual(await store.load('a'), { gone: 'destroyed' })
    })

    test('a tombstone lies for a minute, and is forgotten after it', async store => {
      await store.create(record('a'))
      await store.delete('a', 'destroyed')
      wait(MINUTE - 1)
      assert.deepEqual(await store.load('a'), { gone: 'destroyed' })
      assert.equal(await store.create(record('a')), false)
      wait(2)
      assert.equal(await store.load('a'), null)
    })
  })

  describe('touch', () => {
    test('moves times forward and leaves data and version', async store => {
      const made = record('a')
      await store.create(made)
      wait(MINUTE)
      const times = { touchedAt: time, expiresAt: time + 10 * MINUTE }
      assert.equal(await store.touch('a', times), true)
      assert.deepEqual(await store.load('a'), { ...made, ...times })
      assert.deepEqual(await store.save(record('a'), made.version), { status: 'saved' })
    })

    test('never creates', async store => {
      assert.equal(await store.touch('a', { touchedAt: time, expiresAt: time + MINUTE }), false)
      assert.equal(await store.load('a'), null)
    })

    test('never revives what has expired, nor what is past its absolute end', async store => {
      await store.create(record('idle', { expiresAt: time + MINUTE }))
      await store.create(record('absolute', { absoluteExpiresAt: time + MINUTE }))
      wait(MINUTE + 1)
      for (const key of ['idle', 'absolute']) {
        assert.equal(await store.touch(key, { touchedAt: time, expiresAt: time + MINUTE }), false)
        assert.equal(await store.load(key), null)
      }
    })

    test('never lowers, never shortens', async store => {
      const made = record('a')
      await store.create(made)
      assert.equal(await store.touch('a', { touchedAt: time - MINUTE, expiresAt: time + MINUTE }), true)
      assert.equal(await store.touch('a', { touchedAt: time, expiresAt: time + MINUTE }), true)
      assert.deepEqual(await store.load('a'), made)
    })

    test('never goes past the absolute end', async store => {
      const end = time + 12 * MINUTE
      await store.create(record('a', { absoluteExpiresAt: end }))
      wait(5 * MINUTE)
      await store.touch('a', { touchedAt: time, expiresAt: time + 10 * MINUTE })
      assert.equal(((await store.load('a')) as SessionRecord).expiresAt, end)
      wait(7 * MINUTE + 1)
      assert.equal(await store.load('a'), null)
    })

    test('of an older request does not undo a shortened life (H11)', async store => {
      const made = record('a')
      const opened = time
      await store.create(made)
      wait(1000)
      const short = record('a', { idleMs: MINUTE, expiresAt: time + MINUTE })
      await store.save(short, made.version)
      await store.touch('a', { touchedAt: opened, expiresAt: opened + 10 * MINUTE })
      assert.deepEqual(await store.load('a'), short)
      wait(30_000)
      await store.touch('a', { touchedAt: time, expiresAt: time + 10 * MINUTE })
      assert.deepEqual(await store.load('a'), { ...short, touchedAt: time, expiresAt: time + MINUTE })
    })
  })

  describe('expiry', () => {
    test('is read at each operation, before anything else', async store => {
      const make = (key: string) => record(key, { expiresAt: time + MINUTE })
      const made = ['load', 'save', 'replace', 'delete', 'create'].map(make)
      for (const one of made) await store.create(one)
      wait(MINUTE)
      for (const one of made) assert.deepEqual(await store.load(one.key), one)
      wait(1)
      assert.equal(await store.load('load'), null)
      assert.deepEqual(await store.save(record('save'), made[1]?.version ?? ''), { status: 'missing' })
      assert.deepEqual(await store.replace('replace', made[2]?.version ?? '', record('next'), 'rotated'), { status: 'missing' })
      assert.equal(await store.delete('delete', 'destroyed'), false)
      assert.equal(await store.create(record('create')), true)
      assert.equal(await store.load('next'), null)
    })
  })
}
