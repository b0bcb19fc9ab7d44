// Judges a history: whether what was acknowledged is there, and what has ended stays so. Pure.
import { counterFaults } from './check-counter.ts'
import { registerFaults } from './check-register.ts'
import { tokenFaults } from './check-tokens.ts'
import type { Operation } from './history.ts'

/** `lost`: acknowledged, and not there. `resurrected`: ended, and there. `strange`: what nobody wrote, or a refusal that was none. */
type Verdict = 'lost' | 'resurrected' | 'strange'

export interface Fault {
  verdict: Verdict
  /** What is wrong, in words. */
  what: string
  /** What shows it. */
  operations: readonly Operation[]
}

export interface Judgement {
  acknowledged: number
  lost: readonly Fault[]
  resurrected: readonly Fault[]
  strange: readonly Fault[]
  /** How often each error was told. */
  errors: Readonly<Record<string, number>>
}

export interface CheckOptions {
  /** The clocks of the processes differ: one may take for ended what the others do not. */
  clocksDiffer?: boolean
}

export function check(history: readonly Operation[], options: CheckOptions = {}): Judgement {
  const faults: Fault[] = []
  for (const operations of bySession(history).values()) {
    faults.push(
      ...tokenFaults(operations, options),
      ...registerFaults(operations),
      ...counterFaults(operations),
      ...foreignData(operations),
    )
  }
  const errors: Record<string, number> = {}
  for (const { error } of history) if (error !== undefined) errors[error] = (errors[error] ?? 0) + 1
  const of = (wanted: Verdict) => faults.filter(({ verdict }) => verdict === wanted)
  const acknowledged = history.filter(({ outcome }) => outcome === 'acknowledged').length
  return { acknowledged, lost: of('lost'), resurrected: of('resurrected'), strange: of('strange'), errors }
}

function bySession(history: readonly Operation[]): Map<string, Operation[]> {
  const sessions = new Map<string, Operation[]>()
  for (const operation of history) {
    const list = sessions.get(operation.session) ?? []
    list.push(operation)
    sessions.set(operation.session, list)
  }
  return sessions
}

function foreignData(operations: readonly Operation[]): Fault[] {
  return operations
    .filter(({ saw, session }) => saw !== undefined && saw.name !== session)
    .map(read => ({ verdict: 'strange', what: `session ${read.session} shows the data of ${String(read.saw?.name)}`, operations: [read] }))
}

/** For a message: the faults, and what shows them. */
export function told(faults: readonly Fault[], most = 3): string {
  const line = ({ kind, session, token, worker, field, value, invoked, returned, outcome, gone, saw, count, next, error }: Operation) =>
    `    ${invoked.toFixed(1)}-${returned.toFixed(1)} process ${worker}: ${kind} ${session}#${token} ${[field, value, outcome, gone && 'gone', saw && JSON.stringify(saw), count !== undefined && `n=${count}`, next !== undefined && `#${next}`, error].filter(part => part !== undefined && part !== false).join(' ')}`
  const lines = faults.slice(0, most).map(({ verdict, what, operations }) => [`  ${verdict}: ${what}`, ...operations.map(line)].join('\n'))
  const more = faults.length - most
  return [...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n')
}
