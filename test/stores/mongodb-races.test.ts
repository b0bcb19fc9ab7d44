// MongoStore from fifty clients at once.

import type { SessionRecord } from 'holdfast'
import { MongoStore } from 'holdfast/stores/mongodb'
import { beforeAll, expect, it } from 'vitest'
import { full } from '../support/full.ts'
import { describeWithDocumentDB, newKey, record } from './mongodb-support.ts'

describeWithDocumentDB('MongoStore, fifty clients at once', ground => {
  let all: MongoStore[]
  beforeAll(async () => {
    const { dbName, collectionName } = ground.collection()
    all = Array.from({ length: 50 }, () => new MongoStore(ground.client({ maxPoolSize: 1 }).db(dbName).collection(collectionName)))
    // Connected before they race.
    await all[0]?.migrate()
    await Promise.all(all.map(store => store.load('none')))
  })

  it('H2, H3: creates, saves, replaces and deletes of one record each have one outcome', { timeout: 60_000 }, async () => {
    const [one] = all as [MongoStore]
    const [key, userKey] = [newKey(), newKey()]

    const rivals = all.map(() => record({ key }))
    const created = await Promise.all(all.map((store, n) => store.create(rivals[n] as SessionRecord)))
    expect(created.filter(Boolean).length).toBe(1)
    const winner = rivals[created.indexOf(true)] as SessionRecord
    expect(await one.load(key)).toEqual(winner)

    await Promise.all(
      all.map(async (store, n) => {
        for (let base = (await store.load(key)) as SessionRecord; ; ) {
          const data = JSON.stringify({ ...JSON.parse(base.data), [n]: n })
          const result = await store.save({ ...base, data, version: `${n} on ${base.version}`.slice(0, 16) + newKey() }, base.version)
          if (result.status === 'saved') break
          if (result.status === 'missing') throw new Error('it has gone')
          base = result.current
        }
      }),
    )
    const full = (await one.load(key)) as SessionRecord
    expect(Object.keys(JSON.parse(full.data)).length).toBe(51)

    const heirs = all.map(() => record({ userKey }))
    const replaced = await Promise.all(all.map((store, n) => store.replace(key, full.version, heirs[n] as SessionRecord, 'rotated')))
    expect(replaced.filter(({ status }) => status === 'replaced').length).toBe(1)
    expect(replaced.filter(({ status }) => status === 'missing').length).toBe(49)
    const heir = heirs[replaced.findIndex(({ status }) => status === 'replaced')] as SessionRecord
    expect(await one.listByUser(userKey)).toEqual([heir])

    const deleted = await Promise.all(all.map(store => store.delete(heir.key, 'destroyed')))
    expect(deleted.filter(Boolean).length).toBe(1)
    expect(await one.listByUser(userKey)).toEqual([])
  })

  it('H7: logins, rotations and deleteByUser at once: what was acknowledged before is ended, and no session is counted twice', {
    timeout: 60_000,
  }, async () => {
    const [one] = all as [MongoStore]
    const userKey = newKey()
    const before = all.map(() => record({ userKey }))
    await Promise.all(all.map((store, n) => store.create(before[n] as SessionRecord)))
    expect((await one.listByUser(userKey)).length).toBe(50)
    const [count] = await Promise.all([
      one.deleteByUser(userKey),
      ...all.slice(1).map((store, n) => {
        const { key, version } = before[n] as SessionRecord
        return store.replace(key, version, record({ userKey }), 'rotated')
      }),
    ])
    expect([count, await one.listByUser(userKey)]).toEqual([50, []])
  })

  // The kit plays as many by its own clients.
  it.runIf(full)('H10: of fifty logins as many are in as the limit says', { timeout: 60_000 }, async () => {
    const [one] = all as [MongoStore]
    for (const deny of [false, true]) {
      const userKey = newKey()
      const made = all.map(() => record({ userKey, userId: 'ann' }))
      const answers = await Promise.all(all.map((store, n) => store.create(made[n] as SessionRecord, undefined, { max: 3, deny })))
      expect(answers.filter(answer => answer === true).length).toBe(deny ? 3 : 50)
      const found = await Promise.all(made.map(({ key }) => one.load(key)))
      const live = found.filter(record => record && !('gone' in record))
      expect([live.length, (await one.listByUser(userKey)).length]).toEqual([3, 3])
    }
  })

  it('the oldest is first, however many come at once', async () => {
    const userKey = newKey()
    const made: SessionRecord[][] = []
    for (let round = 0; round < 3; round++) {
      const these = all.slice(0, 10).map(() => record({ userKey }))
      await Promise.all(these.map((one, n) => all[n]?.create(one)))
      made.push(these)
    }
    const listed = (await all[0]?.listByUser(userKey)) ?? []
    const rounds = listed.map(({ key }) => made.findIndex(round => round.some(one => one.key === key)))
    expect(rounds).toEqual([...rounds].sort())
    expect(listed.length).toBe(30)
  })
})
