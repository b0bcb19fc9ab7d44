import type { AuditFacts } from './facts.ts'

export type Standard = 'OWASP ASVS 5.0' | 'RFC 6265bis' | 'NIST SP 800-63B-4' | 'OWASP Session Management'

/** `app`: only the application can meet it; the text says with what. */
export type Status = 'met' | 'unmet' | 'app'

export interface Verdict {
  readonly status: Status
  /** What is so, or what to do. */
  readonly text: string
  /** The option that changes it. */
  readonly option?: string
  /** It follows from where sessions live; the start-up message of that mode has said it. */
  readonly byMode?: true
}

/** One requirement of a standard, in our own words. */
export interface Requirement {
  readonly standard: Standard
  readonly id: string
  readonly about: string
  /** Pure: the same facts give the same verdict. */
  readonly judge: (facts: AuditFacts) => Verdict
}

export const met = (text: string, option?: string): Verdict => ({ status: 'met', text, ...(option && { option }) })
export const unmet = (text: string, option: string): Verdict => ({ status: 'unmet', text, option })
export const unmetByMode = (text: string, option: string): Verdict => ({ status: 'unmet', text, option, byMode: true })
export const app = (text: string, option?: string): Verdict => ({ status: 'app', text, ...(option && { option }) })

/** The requirements of one standard: `[id, about, judge]`. */
export const requirements = (
  standard: Standard,
  rows: readonly (readonly [string, string, Requirement['judge']])[],
): readonly Requirement[] => rows.map(([id, about, judge]) => ({ standard, id, about, judge }))
