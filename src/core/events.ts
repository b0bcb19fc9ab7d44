import { isPromise } from './maybe.ts'

/** What may happen to a session that its app wants to know. */
export type SessionEventName =
  | 'session:missed'
  | 'session:expired'
  | 'session:invalid'
  | 'session:malformed'
  | 'session:gone'
  | 'session:conflict'
  | 'session:refused'
  | 'session:reuse'
  | 'session:ambiguous'
  | 'store:error'
  | 'commit:error'
  | 'clock:skew'
  | 'keys:error'
  | 'admin:action'

/** What the engine says of an event. `id` and `value` are for the listener's eyes, never for a log. */
export interface Occurrence {
  reason: string
  id?: string | undefined
  value?: unknown
  /** Who has done it, where somebody has. */
  actor?: string | undefined
}

/** Where the engine reports events: synchronously, and without an interest in the answer. */
export type EventSink = (name: SessionEventName, occurrence: Occurrence, request: unknown) => void

/**
 * What a listener gets. Only `reason`, `ref` and `actor` are enumerable, so a logged event shows no id: `ref` stands for the
 * session (64 bits of an HMAC of the id), `actor` is who has acted on sessions of others. `key`, `value` and where it came from (`ctx` or `request`)
 * can be read.
 */
export interface SessionEvent {
  readonly reason: string
  readonly ref?: string
  readonly actor?: string
  readonly key: string | undefined
  readonly value: unknown
  readonly request?: unknown
}

export function describeEvent(occurrence: Occurrence, source: Record<string, unknown>, refOf: (id: string) => string): SessionEvent {
  const { reason, id, value, actor } = occurrence
  const event = { reason, ...(id !== undefined && { ref: refOf(id) }), ...(actor !== undefined && { actor }) }
  for (const [name, hidden] of Object.entries({ key: id, value, ...source })) Object.defineProperty(event, name, { value: hidden })
  return event as SessionEvent
}

type Listener = (event: SessionEvent) => unknown

/** Listeners by event. One that throws changes no outcome: its error goes to `report`. */
export class EventHub {
  readonly #listeners = new Map<SessionEventName, Set<Listener>>()
  readonly #report: (error: unknown) => void

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  on(name: SessionEventName, listener: Listener): void {
    const set = this.#listeners.get(name)
    if (set) set.add(listener)
    else this.#listeners.set(name, new Set([listener]))
  }

  off(name: SessionEventName, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener)
  }

  /** Whether anybody listens. */
  emit(name: SessionEventName, event: SessionEvent): boolean {
    const listeners = this.#listeners.get(name)
    for (const listener of listeners ?? []) {
      try {
        const answer: unknown = listener(event)
        if (isPromise(answer)) answer.then(undefined, this.#report)
      } catch (error) {
        this.#report(error)
      }
    }
    return listeners !== undefined && listeners.size > 0
  }
}
