import type { AuditReport } from './audit.ts'

/**
 * What is said at start, or undefined. What follows from where sessions live has been said by the notice of that mode;
 * a site that has chosen a policy is told that as well.
 */
export function startMessage(report: AuditReport, policy: string | undefined): string | undefined {
  const told = report.of('unmet').filter(({ byMode }) => policy !== undefined || !byMode)
  if (told.length === 0) return undefined
  const rows = told.map(({ standard, id, text, option }) => `${standard} ${id}: ${text} (option ${option})`)
  const subject = told.length === 1 ? 'one requirement is' : `${told.length} requirements are`
  return `${subject} not met; sessions.audit() shows all of them. ${rows.join('; ')}`
}
