// Each field of a session is a register. Its values are unique, so whether its history is linearizable can be decided exactly (Gibbons and
// Korach, "Testing Shared Memories", 1997): a write and the reads that saw it form a cluster, whose zone is the time in which the value must
// have stood. The zones of values that must have stood for some time may not overlap, and none may contain that of another value.
import type { Fault } from './check.ts'
import type { Operation } from './history.ts'

/** A value, whoever wrote it and whoever saw it. */
interface Cluster {
  /** Absent of what was there before the first write: nothing. */
  write?: Operation
  reads: Operation[]
  /** When the first of them had its answer, and when the last of them began. */
  firstEnd: number
  lastStart: number
}

/** What a session holds beside: its name, and a counter. */
const OTHERS = ['name', 'n']

export function registerFaults(operations: readonly Operation[]): Fault[] {
  const writes = operations.filter(({ kind }) => kind === 'write')
  const reads = operations.filter(({ saw, outcome }) => saw !== undefined && outcome === 'acknowledged')
  const seen = reads.flatMap(({ saw }) => Object.keys(saw ?? {})).filter(field => !OTHERS.includes(field))
  const fields = new Set([...writes.map(({ field }) => field as string), ...seen])
  return [...fields].flatMap(field =>
    ofField(
      field,
      writes.filter(write => write.field === field),
      reads,
    ),
  )
}

function ofField(field: string, writes: readonly Operation[], reads: readonly Operation[]): Fault[] {
  const faults: Fault[] = []
  const clusters = new Map<unknown, Cluster>()
  clusters.set(undefined, { reads: [], firstEnd: Number.NEGATIVE_INFINITY, lastStart: Number.NEGATIVE_INFINITY })
  for (const write of writes) {
    // One whose answer is not known may be carried out at any time to come.
    const firstEnd = write.outcome === 'acknowledged' ? write.returned : Number.POSITIVE_INFINITY
    clusters.set(write.value, { write, reads: [], firstEnd, lastStart: write.invoked })
  }
  for (const read of reads) {
    const value = read.saw?.[field]
    const cluster = clusters.get(value)
    const { write } = cluster ?? {}
    if (!cluster || (write && write.invoked > read.returned)) {
      faults.push({
        verdict: 'strange',
        what: `${field} is ${String(value)}, which nobody has written`,
        operations: write ? [write, read] : [read],
      })
      continue
    }
    if (write?.outcome === 'refused')
      faults.push({ verdict: 'strange', what: `a write of ${field} was refused, and took effect`, operations: [write, read] })
    cluster.reads.push(read)
    cluster.firstEnd = Math.min(cluster.firstEnd, read.returned)
    cluster.lastStart = Math.max(cluster.lastStart, read.invoked)
  }
  // What nobody saw and nobody was told of may never have been.
  const known = [...clusters.values()].filter(({ firstEnd, write }) => firstEnd < Number.POSITIVE_INFINITY && write?.outcome !== 'refused')
  return [...faults, ...conflicts(field, known)]
}

function conflicts(field: string, clusters: readonly Cluster[]): Fault[] {
  const faults: Fault[] = []
  const stood = clusters.filter(({ firstEnd, lastStart }) => firstEnd < lastStart)
  for (const cluster of clusters) {
    const by = stood.find(other => other !== cluster && excludes(other, cluster))
    if (!by || !cluster.write) continue
    const shows = by.reads.filter(({ invoked }) => invoked === by.lastStart)
    const before = by.write ? [by.write] : []
    faults.push({
      verdict: 'lost',
      what: `${field} was set to ${cluster.write.value}, and is ${String(by.write?.value)} again`,
      operations: [...before, cluster.write, ...cluster.reads.slice(0, 1), ...shows],
    })
  }
  return faults
}

/** Whether `one` has stood throughout while `other` must have been set. Of two that overlap, that which began later was undone. */
function excludes(one: Cluster, other: Cluster): boolean {
  if (other.firstEnd < other.lastStart) return one.firstEnd < other.firstEnd && other.firstEnd < one.lastStart
  return one.firstEnd < other.lastStart && other.firstEnd < one.lastStart
}
