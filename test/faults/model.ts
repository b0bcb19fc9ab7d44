// Clients of a store in memory, interleaved step by step: a load, then what the handler does, then a write. Some of the stores are broken.
import type { Operation } from './history.ts'

export type Client = 0 | 1 | 2
/** `advance`: the client's request goes one step on. `cut`: its answer is lost. */
export interface Step {
  do: 'read' | 'write' | 'bump' | 'logout' | 'regenerate' | 'advance' | 'cut'
  client: Client
}

type Data = Record<string, unknown>
interface Rec {
  data: Data
  version: number
}

interface ModelStore {
  load(token: number): Rec | undefined
  /** False: somebody else was quicker, or it is gone. */
  save(token: number, change: (data: Data) => void, loaded: Rec): 'saved' | 'conflict' | 'missing'
  replace(token: number, next: number): boolean
  delete(token: number): void
}

class Correct implements ModelStore {
  readonly records = new Map<number, Rec>([[0, { data: { name: 's' }, version: 0 }]])
  protected versions = 0

  load(token: number): Rec | undefined {
    const found = this.records.get(token)
    return found && { ...found, data: { ...found.data } }
  }

  save(token: number, change: (data: Data) => void, loaded: Rec): 'saved' | 'conflict' | 'missing' {
    const now = this.records.get(token)
    if (!now) return 'missing'
    if (now.version !== loaded.version) return 'conflict'
    this.put(token, change, loaded)
    return 'saved'
  }

  protected put(token: number, change: (data: Data) => void, { data }: Rec): void {
    const changed = { ...data }
    change(changed)
    this.records.set(token, { data: changed, version: ++this.versions })
  }

  replace(token: number, next: number): boolean {
    const now = this.records.get(token)
    if (!now) return false
    this.records.delete(token)
    this.records.set(next, now)
    return true
  }

  delete(token: number): void {
    this.records.delete(token)
  }
}

class LastWriterWins extends Correct {
  override save(token: number, change: (data: Data) => void, loaded: Rec): 'saved' | 'missing' {
    if (!this.records.has(token)) return 'missing'
    this.put(token, change, loaded)
    return 'saved'
  }
}

class Upsert extends Correct {
  override save(token: number, change: (data: Data) => void, loaded: Rec): 'saved' | 'conflict' | 'missing' {
    if (this.records.has(token)) return super.save(token, change, loaded)
    this.put(token, change, loaded)
    return 'saved'
  }
}

/** As a replica that takes over without the last write: every third is undone. */
class Forgetful extends Correct {
  override save(token: number, change: (data: Data) => void, loaded: Rec): 'saved' | 'conflict' | 'missing' {
    const before = this.records.get(token)
    const saved = super.save(token, change, loaded)
    if (saved === 'saved' && before && this.versions % 3 === 0) this.records.set(token, before)
    return saved
  }
}

export const stores = {
  correct: () => new Correct(),
  lastWriterWins: () => new LastWriterWins(),
  upsert: () => new Upsert(),
  forgetful: () => new Forgetful(),
}

/** A request that is under way: what it does next. */
type Next = () => Next | undefined

/** Carries the steps out in turn; each moment is a ms of the history. */
export function run(store: ModelStore, steps: readonly Step[]): Operation[] {
  let now = 1
  let token = 0
  let tokens = 0
  let values = 0
  const history: Operation[] = [{ kind: 'open', session: 's', token: 0, worker: 0, invoked: 0, returned: 1, outcome: 'acknowledged' }]
  const underWay = new Map<Client, { next: Next | undefined; operation: Operation }>()

  const answer = (operation: Operation, told: Partial<Operation>): undefined => {
    if (operation.returned === Number.POSITIVE_INFINITY) Object.assign(operation, { outcome: 'acknowledged', ...told, returned: ++now })
  }
  const gone = (operation: Operation) => answer(operation, { outcome: 'refused', gone: true })
  /** Load, change, save; from the beginning where somebody was quicker. */
  const changing = (operation: Operation, change: (data: Data) => void, told: () => Partial<Operation>): Next => {
    return () => {
      const loaded = store.load(operation.token)
      if (!loaded) return gone(operation)
      return () => {
        const saved = store.save(operation.token, change, loaded)
        if (saved === 'missing') return gone(operation)
        return saved === 'conflict' ? changing(operation, change, told) : () => answer(operation, told())
      }
    }
  }
  const requests: Record<'read' | 'write' | 'bump' | 'logout' | 'regenerate', (operation: Operation) => Next> = {
    read: operation => () => {
      const loaded = store.load(operation.token)
      return loaded ? () => answer(operation, { saw: loaded.data }) : gone(operation)
    },
    write: operation =>
      changing(
        operation,
        data => {
          data[operation.field as string] = operation.value
        },
        () => ({}),
      ),
    bump: operation => {
      let count = 0
      return changing(
        operation,
        data => {
          count = Number(data.n ?? 0) + 1
          data.n = count
        },
        () => ({ count }),
      )
    },
    logout: operation => () => {
      if (!store.load(operation.token)) return gone(operation)
      return () => {
        store.delete(operation.token)
        return () => answer(operation, {})
      }
    },
    regenerate: operation => () => {
      const next = tokens + 1
      if (!store.replace(operation.token, next)) return gone(operation)
      tokens = next
      // Who had the last word gives all of them the new token.
      token = next
      return () => answer(operation, { next })
    },
  }

  for (const { do: what, client } of steps) {
    const busy = underWay.get(client)
    if (what === 'advance' || what === 'cut') {
      if (!busy) continue
      if (what === 'cut') {
        // Nobody learns of it; it goes on.
        busy.operation.error = 'cut'
        Object.assign(busy.operation, { returned: ++now })
      }
      busy.next = busy.next?.()
      if (!busy.next) underWay.delete(client)
    } else if (!busy) {
      const kind = what
      const field = kind === 'write' ? { field: 'a', value: `v${values++}` } : {}
      const operation: Operation = {
        kind,
        session: 's',
        token,
        worker: client,
        ...field,
        invoked: ++now,
        returned: Number.POSITIVE_INFINITY,
        outcome: 'unknown',
      }
      history.push(operation)
      underWay.set(client, { next: requests[kind](operation), operation })
    }
  }
  return history
}
