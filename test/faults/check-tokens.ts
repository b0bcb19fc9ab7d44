// Who may come in: a token lives from the answer that brought it to the one that ended it, and not a request longer.
import type { CheckOptions, Fault } from './check.ts'
import type { Operation } from './history.ts'

/** How much later than its time a session may be served, in ms: a request was under way meanwhile. */
const SLACK_MS = 1000

/** A token, and what was done with it. */
interface Life {
  token: number
  born: Operation
  uses: Operation[]
}

export function tokenFaults(operations: readonly Operation[], { clocksDiffer = false }: CheckOptions): Fault[] {
  const lives = operations.flatMap((born): Life[] => {
    const token = born.kind === 'open' ? 0 : born.next
    if (token === undefined || born.outcome !== 'acknowledged') return []
    return [{ token, born, uses: operations.filter(({ kind, token: used }) => kind !== 'open' && used === token) }]
  })
  const short = operations.find(({ kind }) => kind === 'open')?.lives
  return [
    ...lives.flatMap(life => [
      ...firstOf(usedAfterItsEnd(life), clocksDiffer ? [] : cameBack(life)),
      ...forked(life),
      ...(clocksDiffer ? [] : lostLogin(life, operations, short)),
    ]),
    ...(short === undefined || clocksDiffer ? [] : outlived(operations, short)),
  ]
}

const firstOf = (one: Fault[], other: Fault[]) => (one.length > 0 ? one : other)
const acknowledged = ({ outcome }: Operation) => outcome === 'acknowledged'
/** It may have taken effect. */
const possible = ({ outcome }: Operation) => outcome !== 'refused'
const ends = ({ kind }: Operation) => kind === 'logout' || kind === 'regenerate'

/** An acknowledged logout, or the new id that took its place, and then a request that was served by it. */
function usedAfterItsEnd({ uses }: Life): Fault[] {
  const end = first(uses.filter(use => ends(use) && acknowledged(use)))
  if (!end) return []
  const use = uses.find(use => acknowledged(use) && use.invoked > end.returned)
  return use ? [{ verdict: 'resurrected', what: `${use.kind} by a token that a ${end.kind} had ended`, operations: [end, use] }] : []
}

/** Whoever had their answer first. */
function first(operations: readonly Operation[]): Operation | undefined {
  return operations.reduce<Operation | undefined>((best, one) => (best && best.returned <= one.returned ? best : one), undefined)
}

/** Two new ids for one old one: two sessions, of which a logout ends one. */
function forked({ uses }: Life): Fault[] {
  const [one, other] = uses.filter(use => use.kind === 'regenerate' && use.next !== undefined)
  return one && other ? [{ verdict: 'strange', what: 'one token was given two successors', operations: [one, other] }] : []
}

/** Told that there is no such session, though nobody had ended it. */
function lostLogin({ born, uses }: Life, operations: readonly Operation[], lives: number | undefined): Fault[] {
  const denied = first(uses.filter(({ gone }) => gone))
  if (!denied) return []
  const wasEnded = (by: Operation) => by.invoked < denied.returned && possible(by)
  if (uses.some(use => ends(use) && wasEnded(use))) return []
  // A logout by an earlier token may have met the session on its way to this one.
  if (operations.some(by => by.kind === 'logout' && wasEnded(by))) return []
  // Half of a life may pass before a use is written down.
  if (lives !== undefined && idleBefore(denied, operations) > lives / 2) return []
  return [{ verdict: 'lost', what: 'a session that nobody had ended is gone', operations: [born, denied] }]
}

/** How long nobody had used the session before this request was answered, at most. */
function idleBefore(operation: Operation, operations: readonly Operation[]): number {
  const before = operations.filter(other => acknowledged(other) && other.returned < operation.invoked)
  return operation.returned - Math.max(...before.map(({ invoked }) => invoked))
}

/** There was no such session, and then there was. */
function cameBack({ uses }: Life): Fault[] {
  const denied = first(uses.filter(({ gone }) => gone))
  if (!denied) return []
  const served = uses.find(use => acknowledged(use) && use.invoked > denied.returned)
  return served ? [{ verdict: 'resurrected', what: 'a session was gone, and then it was there', operations: [denied, served] }] : []
}

/** Served long after its time without use was over. */
function outlived(operations: readonly Operation[], lives: number): Fault[] {
  const sorted = [...operations].filter(possible).sort((a, b) => a.invoked - b.invoked)
  let last = Number.NEGATIVE_INFINITY
  return sorted.flatMap((operation): Fault[] => {
    const idle = operation.invoked - last
    last = Math.max(last, operation.returned)
    if (!acknowledged(operation) || operation.kind === 'open' || !(idle > lives + SLACK_MS) || idle === Number.POSITIVE_INFINITY) return []
    return [
      { verdict: 'resurrected', what: `served ${Math.round(idle)} ms after its last use, it lives ${lives}`, operations: [operation] },
    ]
  })
}
