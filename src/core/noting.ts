import type { EventSink } from './events.ts'

/** A request that takes down what happened to its session, so that its answer can say so. */
export interface Noting {
  note(name: string, reason: string): void
}

/** Tells a request of an event, if it is one that takes notes. Hooks and listeners get another object. */
export function note(request: unknown, name: string, reason: string): void {
  const noting = request as Partial<Noting> | null | undefined
  if (typeof noting === 'object' && typeof noting?.note === 'function') noting.note(name, reason)
}

/** Tells requests of their events as well. */
export const noting =
  (emit: EventSink): EventSink =>
  (name, occurrence, request) => {
    note(request, name, occurrence.reason)
    return emit(name, occurrence, request)
  }
