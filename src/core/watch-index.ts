import type { Loaded } from './backend.ts'
import type { Session } from './session.ts'

/** Asked for by each commit, and nearly always the answer. */
const NOBODY: readonly never[] = []

/** Several under each name. */
class Groups<K, W> {
  readonly #groups = new Map<K, Set<W>>()

  get size(): number {
    return this.#groups.size
  }

  add(name: K | undefined, one: W): void {
    if (name === undefined) return
    const group = this.#groups.get(name)
    if (group) group.add(one)
    else this.#groups.set(name, new Set([one]))
  }

  delete(name: K | undefined, one: W): void {
    if (name === undefined) return
    const group = this.#groups.get(name)
    if (group?.delete(one) && group.size === 0) this.#groups.delete(name)
  }

  names(): Iterable<K> {
    return this.#groups.keys()
  }

  /** A copy: who is found may leave, or go by another name. */
  of(name: K): readonly W[] {
    const group = this.#groups.get(name)
    return group ? [...group] : NOBODY
  }

  all(): W[] {
    return [...this.#groups.values()].flatMap(group => [...group])
  }
}

/** Who follows which session, by all that a commit or a word from the store may name: no request pays for those it has nothing to do with. */
export class WatchIndex<W> {
  readonly bySession = new Groups<Session, W>()
  /** By what a token stands for. */
  readonly byValue = new Groups<string, W>()
  readonly byUserId = new Groups<string, W>()
  /** By the key of the record, and by that of its user. */
  readonly byKey = new Groups<string, W>()
  readonly byUserKey = new Groups<string, W>()

  move(one: W, from: Loaded | null, to: Loaded | null): void {
    // First where it goes, then where it was: what stays the same is there throughout.
    if (to) {
      this.byValue.add(to.value, one)
      this.byUserId.add(to.userId, one)
      this.byKey.add(to.record?.key, one)
      this.byUserKey.add(to.record?.userKey, one)
    }
    if (!from) return
    if (from.value !== to?.value) this.byValue.delete(from.value, one)
    if (from.userId !== to?.userId) this.byUserId.delete(from.userId, one)
    if (from.record?.key !== to?.record?.key) this.byKey.delete(from.record?.key, one)
    if (from.record?.userKey !== to?.record?.userKey) this.byUserKey.delete(from.record?.userKey, one)
  }
}
