import type { Ended, IndexedSessionStore, WatchableSessionStore } from 'holdfast'

export type WatchableStore = IndexedSessionStore & WatchableSessionStore

/** What a listener has been told. */
export class Hearing {
  readonly keys: string[] = []
  readonly userKeys: string[] = []
  lost = 0

  readonly listener = {
    ended: ({ keys = [], userKey }: Ended) => {
      this.keys.push(...keys)
      if (userKey !== undefined) this.userKeys.push(userKey)
    },
    lost: () => {
      this.lost++
    },
  }
}
