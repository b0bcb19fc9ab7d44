// What several processes asked and were answered, and what lay there meanwhile: could it have been one after the other?
import type { IndexedSessionStore } from '../../src/core/store.ts'
import { Model } from '../../src/testing/model.ts'

/** A call of a store, and what a model answers to it. */
export interface Call {
  name: string
  ask(store: IndexedSessionStore): Promise<unknown>
  /** Absent: it changes nothing that anybody can see, and may answer what it likes. */
  answer?(model: Model): unknown
  /** How much time passes after it. */
  pause?: number
}

type Event = { call: number; answer: string | undefined } | { call: number; answered: true } | { state: string } | { time: number }

function canonical(value: unknown): string {
  const sorted = (_: string, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part
  return JSON.stringify(value, sorted) ?? 'undefined'
}

export interface Seen {
  keys: readonly string[]
  users: readonly string[]
}

export class History {
  readonly #events: Event[] = []
  readonly #calls: Call[] = []
  readonly #seen: Seen
  #last = ''

  constructor(seen: Seen, time: number) {
    this.#seen = seen
    this.#events.push({ time })
  }

  /** Asks a store, and writes down when it was asked and when it answered. */
  async play(call: Call, store: IndexedSessionStore): Promise<void> {
    const number = this.#calls.push(call) - 1
    const begun: Event = { call: number, answer: undefined }
    this.#events.push(begun)
    const answer = canonical(await call.ask(store))
    if (call.answer) begun.answer = answer
    this.#events.push({ call: number, answered: true })
  }

  passed(time: number): void {
    this.#events.push({ time })
  }

  /** Looks at what lies there, at one moment. */
  async observe(store: IndexedSessionStore): Promise<void> {
    const loaded = await Promise.all(this.#seen.keys.map(key => store.load(key)))
    const listed = await Promise.all(this.#seen.users.map(async user => (await store.listByUser(user)).map(({ key }) => key).sort()))
    const state = canonical([loaded, listed])
    if (state !== this.#last) this.#events.push({ state })
    this.#last = state
  }

  /** Throws unless there is an order of the calls that has these answers, and these states in between. */
  check(): void {
    const clock = { time: 0 }
    const possible = this.#possible(0, new Model(() => clock.time), [], clock)
    if (possible) return
    const told = this.#events.map(event => ('call' in event ? { name: this.#calls[event.call]?.name, ...event } : event))
    throw new Error(`this cannot have been one after the other:\n${told.map(event => JSON.stringify(event)).join('\n')}`)
  }

  #possible(at: number, model: Model, open: readonly number[], clock: { time: number }): boolean {
    const event = this.#events[at]
    if (!event) return true
    const { time } = clock
    if (this.#passes(event, model, open, clock)) {
      const next = 'call' in event && !('answered' in event) && this.#calls[event.call]?.answer ? [...open, event.call] : open
      if (this.#possible(at + 1, model, next, clock)) return true
      clock.time = time
    }
    // Or one of the calls that are under way comes first.
    return open.some(number => {
      const after = model.copy()
      const answer = canonical(this.#calls[number]?.answer?.(after))
      const wanted = this.#events.find(one => 'call' in one && one.call === number && 'answer' in one) as { answer: string | undefined }
      if (wanted.answer !== undefined && wanted.answer !== answer) return false
      const possible = this.#possible(
        at,
        after,
        open.filter(one => one !== number),
        clock,
      )
      clock.time = time
      return possible
    })
  }

  #passes(event: Event, model: Model, open: readonly number[], clock: { time: number }): boolean {
    if ('time' in event) clock.time = event.time
    if ('state' in event) return event.state === this.#imagine(model)
    return !('answered' in event) || !open.includes(event.call)
  }

  #imagine(model: Model): string {
    const loaded = this.#seen.keys.map(key => model.load(key))
    const listed = this.#seen.users.map(user =>
      model
        .listByUser(user)
        .map(({ key }) => key)
        .sort(),
    )
    return canonical([loaded, listed])
  }
}
