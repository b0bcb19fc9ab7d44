import type { Command as Program } from 'commander'
import { UsageError } from './command.ts'

/** The option of all commands. */
export function json(program: Program): Program {
  return program.option('--json', 'the answer as JSON, for scripts: one object, or one a line')
}

/** What `--help` shows last. */
export function example(...lines: string[]): string {
  return `\nExample:\n${lines.map(line => `  ${line}`).join('\n')}`
}

/** A whole number that an option gives. */
export function wholeNumber(option: string, text: string, from: number, to: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(number >= from && number <= to)) throw new UsageError(`${option} must be a whole number from ${from} to ${to}`)
  return number
}

/** Times as people and programs read them. */
export const isoTime = (ms: number): string => (Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'never')

/** `1,234,567` in every locale: answers are compared. */
export const counted = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** Lines of two columns. */
export function lines(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return rows.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n')
}

/** Columns as wide as their longest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (at: number) => Math.max(...rows.map(row => (row[at] ?? '').length))
  const widths = (rows[0] ?? []).map((_, at) => width(at))
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')
  return rows.map(row => line(row).trimEnd()).join('\n')
}
