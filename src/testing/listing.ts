import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore } from '../core/store.ts'
import type { Bench } from './bench.ts'
import { MINUTE, sorted } from './records.ts'

const MOST_PAGES = 2000

/** All pages, one after the other. `between` is done after each. */
export async function pagesOf(store: IndexedSessionStore, limit?: number, between?: () => Promise<void>): Promise<SessionRecord[][]> {
  const pages: SessionRecord[][] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.list({ ...(limit !== undefined && { limit }), ...(cursor !== undefined && { cursor }) })
    pages.push(page.records)
    cursor = page.cursor
    assert.ok(cursor === null || typeof cursor === 'string')
    assert.ok(pages.length < MOST_PAGES, 'a list without an end')
    await between?.()
  }
  return pages
}

/** A record may be on several pages. */
export function distinct(pages: readonly SessionRecord[][]): SessionRecord[] {
  return sorted([...new Map(pages.flat().map(record => [record.key, record])).values()])
}

export function listing({ describe, apart, apartTimed, wait, now, records: { key, record, userKey } }: Bench): void {
  describe('list', () => {
    apart('of an empty store is empty', async open => {
      const store = await open()
      assert.deepEqual((await pagesOf(store)).flat(), [])
    })

    apart('gives every record, over more than one page', async open => {
      const store = await open()
      const made = Array.from({ length: 230 }, (_, n) => record(n % 3 === 0 ? { userKey: userKey() } : n % 3 === 1 ? {} : { key: key('') }))
      await inBatches(made, one => store.create(one))
      for (const limit of [undefined, 7, 1000]) {
        const pages = await pagesOf(store, limit)
        assert.deepEqual(distinct(pages), sorted(made))
        if (limit !== 1000) assert.ok(pages.length > 1, 'one page has them all')
      }
    })

    apart('misses none that lives throughout, while others come and go', async open => {
      const [store, other] = [await open(), await open()]
      const user = userKey()
      const make = () => record(Math.random() < 0.5 ? { userKey: user } : {})
      const stays = Array.from({ length: 60 }, make)
      const goes = Array.from({ length: 60 }, make)
      await inBatches(
        [...stays, ...goes].sort((a, b) => (a.key < b.key ? -1 : 1)),
        one => store.create(one),
      )
      const dead = new Set<string>()
      const seenDead: string[] = []
      const seen = new Set<string>()
      for (let cursor: string | null | undefined, n = 0; cursor !== null; n++) {
        const page = await store.list(cursor === undefined ? { limit: 5 } : { limit: 5, cursor })
        for (const { key: at } of page.records) {
          seen.add(at)
          if (dead.has(at)) seenDead.push(at)
        }
        cursor = page.cursor
        assert.ok(n < MOST_PAGES, 'a list without an end')
        // The first of the page may be what the cursor stands at; it goes too, and so do others, and new ones come.
        const leaving = [page.records.at(-1)?.key, page.records[0]?.key, goes.pop()?.key, goes.shift()?.key]
        for (const at of leaving) {
          if (at === undefined || stays.some(({ key: kept }) => kept === at) || dead.has(at)) continue
          await other.delete(at, 'destroyed')
          dead.add(at)
        }
        if (n < 40) await other.create(make())
      }
      assert.deepEqual(seenDead, [])
      assert.deepEqual(
        stays.filter(({ key: at }) => !seen.has(at)),
        [],
      )
    })

    apartTimed('leaves out what has ended', async open => {
      const store = await open()
      const made = [record(), record({ expiresAt: now() + MINUTE }), record({ absoluteExpiresAt: now() + MINUTE }), record()]
      for (const one of made) await store.create(one)
      await store.delete(made[3]?.key ?? '', 'evicted')
      await store.delete(key(), 'destroyed')
      wait(MINUTE)
      assert.deepEqual(distinct(await pagesOf(store)), sorted(made.slice(0, 3)))
      wait(1)
      for (const limit of [undefined, 1]) assert.deepEqual(distinct(await pagesOf(store, limit)), made.slice(0, 1))
    })
  })
}

/** Ten at a time: quick, and no flood. */
async function inBatches<T>(items: readonly T[], task: (item: T) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < items.length; n += 10) await Promise.all(items.slice(n, n + 10).map(task))
}
