import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { Bench } from './bench.ts'
import { rivals } from './races.ts'
import { MINUTE } from './records.ts'

export function createAndLoad({ describe, test, now, records: { key, record, userKey } }: Bench): void {
  describe('create and load', () => {
    test('gives back what was put in, all of it, and nothing else', async ({ one, two }) => {
      const full = record({
        userKey: userKey(),
        userId: 'alice',
        authenticatedAt: now() - MINUTE,
        absoluteExpiresAt: now() + MINUTE,
        maxAge: null,
        meta: { device: 'x', list: [1, { a: null }] },
      })
      for (const made of [record(), full, record({ key: key('') }), record({ maxAge: 10 * MINUTE })]) {
        assert.equal(await one.create(made), true)
        assert.deepEqual(await one.load(made.key), made)
        assert.deepEqual(await two.load(made.key), made)
      }
    })

    test('finds nothing where nothing is', async ({ one }) => {
      assert.equal(await one.load(key()), null)
      assert.equal(await one.load(key('')), null)
    })

    test('never overwrites', async ({ one, two }) => {
      const first = record()
      assert.equal(await one.create(first), true)
      for (const store of [one, two]) assert.equal(await store.create(record({ key: first.key })), false)
      assert.deepEqual(await one.load(first.key), first)
    })

    test('of racing creators exactly one wins, and its record is there', async ({ one, two, pick }) => {
      const at = key()
      const made = rivals(() => record({ key: at }))
      const won = await Promise.all(made.map((rival, n) => pick(n).create(rival)))
      assert.equal(won.filter(Boolean).length, 1)
      for (const store of [one, two]) assert.deepEqual(await store.load(at), made[won.indexOf(true)])
    })

    test('shares no object with its callers', async ({ one }) => {
      const given = record({ meta: { list: [1] } })
      const kept = structuredClone(given)
      await one.create(given)
      spoil(given)
      const loaded = (await one.load(kept.key)) as SessionRecord
      assert.deepEqual(loaded, kept)
      spoil(loaded)
      const conflict = await one.save(record({ key: kept.key }), 'another version')
      assert.deepEqual(conflict, { status: 'conflict', current: kept })
      if (conflict.status === 'conflict') spoil(conflict.current)
      assert.deepEqual(await one.load(kept.key), kept)

      const saved = record({ key: kept.key, meta: { list: [2] } })
      const keptToo = structuredClone(saved)
      assert.deepEqual(await one.save(saved, kept.version), { status: 'saved' })
      spoil(saved)
      assert.deepEqual(await one.load(kept.key), keptToo)
    })

    test('H14: tells keys apart that differ in the case of a letter, or in the partition', async ({ one, two }) => {
      const hash = `aBcD_-${key('').slice(6)}`
      const keys = [hash, hash.toLowerCase(), hash.toUpperCase(), `abc.${hash}`, `ABC.${hash}`, `abC.${hash}`, `abc.${hash.toLowerCase()}`]
      const made = keys.map(at => record({ key: at }))
      for (const one_ of made) assert.equal(await one.create(one_), true, one_.key)
      for (const one_ of made) assert.deepEqual(await two.load(one_.key), one_)
    })
  })
}

function spoil(record: SessionRecord): void {
  const list = record.meta?.list
  if (Array.isArray(list)) list.push('spoilt')
  Object.assign(record.meta ?? {}, { spoilt: true })
  record.data = '{"spoilt":true}'
  record.version = 'spoilt'
  record.touchedAt = 0
}
