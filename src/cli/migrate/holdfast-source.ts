import type { OpenStore } from '../clients/open.ts'
import { PAGE, type Source } from './source.ts'

/** All live records of a Holdfast store, those that Holdfast keeps for itself among them. */
export function holdfastSource({ store, end }: OpenStore): Source {
  const taken = new Set<string>()
  return {
    count: async () => undefined,
    async page(cursor) {
      const { records, cursor: next } = await store.list({ limit: PAGE, ...(cursor !== undefined && { cursor }) })
      return { records, unreadable: 0, ended: 0, cursor: next }
    },
    /** A user's sessions, oldest first: in the target the order of the logins is that in which they come. */
    async together(record) {
      const all = record.userKey === undefined ? [] : await store.listByUser(record.userKey)
      const found = all.some(({ key }) => key === record.key) ? all : [...all, record]
      return found.filter(({ key }) => !taken.has(key) && taken.add(key))
    },
    end: async () => {
      await store.close()
      await end()
    },
  }
}
