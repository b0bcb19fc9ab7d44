// A counter: each acknowledged increment counts exactly once, one of which nobody knows at most once.
import type { Fault } from './check.ts'
import type { Operation } from './history.ts'

/** A moment at which the counter was seen, or made, so much. */
interface Sight {
  operation: Operation
  n: number
}

export function counterFaults(operations: readonly Operation[]): Fault[] {
  const bumps = operations.filter(({ kind, outcome }) => kind === 'bump' && outcome !== 'refused')
  const counted: Sight[] = []
  for (const operation of bumps) if (operation.count !== undefined) counted.push({ operation, n: operation.count })
  const reads: Sight[] = []
  for (const operation of operations) if (operation.saw) reads.push({ operation, n: Number(operation.saw.n ?? 0) })
  // The same loss shows in several ways: it counts once.
  const losses = [missing(bumps, reads), doubles(counted), backwards(counted, reads)]
  return [...tooMany(bumps, reads), ...losses.reduce((most, list) => (list.length > most.length ? list : most))]
}

/** Two increments that both made it the same. */
function doubles(counted: readonly Sight[]): Fault[] {
  const first = new Map<number, Operation>()
  return counted.flatMap(({ operation, n }) => {
    const other = first.get(n)
    first.set(n, other ?? operation)
    return other ? [{ verdict: 'lost', what: `two increments made the counter ${n}`, operations: [other, operation] } satisfies Fault] : []
  })
}

/** A read counts at least what had been acknowledged before it. One fault for each increment that is missing for the first time. */
function missing(bumps: readonly Operation[], reads: readonly Sight[]): Fault[] {
  let known = 0
  return [...reads]
    .sort((a, b) => a.operation.invoked - b.operation.invoked)
    .flatMap(({ operation, n }) => {
      const least = bumps.filter(({ outcome, returned }) => outcome === 'acknowledged' && returned < operation.invoked)
      const more = Math.max(0, least.length - n - known)
      known += more
      const what = `${least.length} increments were acknowledged, the counter is ${n}`
      return Array.from({ length: more }, (): Fault => ({ verdict: 'lost', what, operations: [...least.slice(-2), operation] }))
    })
}

/** And at most what was asked for before its end. */
function tooMany(bumps: readonly Operation[], reads: readonly Sight[]): Fault[] {
  return reads.flatMap(({ operation, n }): Fault[] => {
    const most = bumps.filter(({ invoked }) => invoked < operation.returned)
    const what = `${most.length} increments were asked for, the counter is ${n}`
    return n > most.length ? [{ verdict: 'strange', what, operations: [...most.slice(-2), operation] }] : []
  })
}

/** What began when another had ended saw no less than that, and an increment made more of it. */
function backwards(counted: readonly Sight[], reads: readonly Sight[]): Fault[] {
  const sights = [...counted, ...reads]
  const ended = [...sights].sort((a, b) => a.operation.returned - b.operation.returned)
  let known = 0
  return [...sights]
    .sort((a, b) => a.operation.invoked - b.operation.invoked)
    .flatMap(({ operation, n }) => {
      // What an increment has made more of.
      const found = operation.kind === 'bump' ? n - 1 : n
      const before = ended.filter(other => other.operation.returned < operation.invoked)
      const highest = before.reduce<Sight | undefined>((most, one) => (most && most.n >= one.n ? most : one), undefined)
      if (!highest || highest.n - found <= known) return []
      const more = highest.n - found - known
      known += more
      const fault: Fault = {
        verdict: 'lost',
        what: `the counter was ${highest.n}, and then ${n}`,
        operations: [highest.operation, operation],
      }
      return Array.from({ length: more }, () => fault)
    })
}
