// Stores that do not keep to the limit of a user's sessions, or not as they should.
import type { ReplaceResult, SessionRecord, UserLimit } from 'holdfast'
import { type BrokenStore, elsewhere, type Workshop } from './workshop.ts'

interface Habits {
  /** Which of the others are too many. */
  surplus?: (others: SessionRecord[], count: number) => SessionRecord[]
  /** Which of the user's live records count. */
  counts?: (record: SessionRecord, oldKey: string | undefined) => boolean
  reason?: 'revoked' | 'evicted'
  /** It looks first, and writes later. */
  inTwoSteps?: boolean
  /** A write that comes again is not known. */
  forgetful?: boolean
}

/** A store that keeps to the limit by its own habits. */
function keeping(store: Workshop, habits: Habits): Pick<Workshop, 'create' | 'replace'> {
  const { surplus = (others, count) => others.slice(0, count), reason = 'evicted', inTwoSteps, forgetful } = habits
  const { counts = ({ key, userId }: SessionRecord, oldKey: string | undefined) => userId !== undefined && key !== oldKey } = habits

  const tooMany = async ({ key, userKey, userId }: SessionRecord, limit: UserLimit | undefined, oldKey?: string) => {
    if (!limit || userKey === undefined || userId === undefined) return []
    const others = (await store.listByUser(userKey)).filter(one => counts(one, oldKey) && (forgetful || one.key !== key))
    return surplus(others, Math.max(0, others.length + 1 - limit.max))
  }
  const evict = async (ending: SessionRecord[]) => {
    for (const { key } of ending) await store.delete(key, reason)
  }
  return {
    async create(record, _, limit) {
      const there = await store.load(record.key)
      if (there && !forgetful) return store.create(record)
      const ending = await tooMany(record, limit)
      if (limit?.deny && ending.length > 0) return 'full'
      if (inTwoSteps) await elsewhere()
      await evict(ending)
      return store.create(record)
    },
    async replace(oldKey, version, record, why, _, limit): Promise<ReplaceResult> {
      const old = await store.live(oldKey)
      const fits = old?.version === version && !(await store.load(record.key))
      if (!fits && !forgetful) return store.replace(oldKey, version, record, why)
      const ending = await tooMany(record, limit, oldKey)
      if (limit?.deny && ending.length > 0) return { status: 'full' }
      if (inTwoSteps) await elsewhere()
      await evict(ending)
      return store.replace(oldKey, version, record, why)
    },
  }
}

export const brokenLimits: BrokenStore[] = [
  {
    name: 'it knows no limit',
    caughtBy: [
      'lets as many begin',
      'of 1 ends',
      'or refuses',
      "nobody's session, within",
      "nobody's session, between",
      "another user's session, within",
      "another user's session, between",
      'nothing that is no session',
      'does not count what has expired',
      'for a day',
      'where it has become lower',
      'by the order in which they came',
      'while ids are renewed',
      'the place of who logs out',
      'whose answer was lost, and that comes again, ends nobody else',
      'all but 1 of',
      'all but 3 of',
      'lets 1 of',
      'lets 3 of',
      'by several clients in turn',
    ],
    breakage: store => ({
      create: record => store.create(record),
      replace: (oldKey, version, record, reason) => store.replace(oldKey, version, record, reason),
    }),
  },
  {
    name: 'it counts, and inserts afterwards',
    caughtBy: ['H10: a limit, and many logins at once > ends all but', 'lets 1 of', 'lets 3 of'],
    breakage: store => keeping(store, { inTwoSteps: true }),
  },
  {
    name: 'it ends the newest',
    caughtBy: ['lets as many begin', 'the oldest first', 'by the order in which they came'],
    breakage: store => keeping(store, { surplus: (others, count) => others.slice(others.length - count) }),
  },
  {
    name: 'it ends one, however many are too many',
    caughtBy: 'where it has become lower',
    breakage: store => keeping(store, { surplus: (others, count) => others.slice(0, Math.min(1, count)) }),
  },
  {
    name: 'it says that they were revoked',
    caughtBy: ['for a day', 'lets as many begin'],
    breakage: store => keeping(store, { reason: 'revoked' }),
  },
  {
    name: 'it counts what makes place',
    caughtBy: ['counts no session twice'],
    breakage: store => keeping(store, { counts: ({ userId }) => userId !== undefined }),
  },
  {
    name: 'it counts what is no session',
    caughtBy: 'nothing that is no session',
    breakage: store => keeping(store, { counts: ({ key }, oldKey) => key !== oldKey }),
  },
  {
    name: 'it ends them before it knows whether anything begins, and takes a write that comes again for another',
    caughtBy: ['says of what is not as expected', 'whose answer was lost, and that comes again, ends nobody else'],
    breakage: store => keeping(store, { forgetful: true }),
  },
  {
    name: 'it counts a new one twice',
    caughtBy: ['lets as many begin', 'a login that comes twice at once'],
    breakage: store => ({
      create: async (record, _, limit) => {
        const created = await store.create(record)
        const all = record.userKey === undefined || !limit ? [] : await store.listByUser(record.userKey)
        for (const { key } of all.slice(0, Math.max(0, all.length + 1 - (limit?.max ?? 0)))) await store.delete(key, 'evicted')
        return created
      },
    }),
  },
]
