import { ASVS_COOKIES } from './asvs-cookies.ts'
import { ASVS_SESSIONS } from './asvs-sessions.ts'
import type { AuditFacts } from './facts.ts'
import { NIST } from './nist.ts'
import { OWASP } from './owasp.ts'
import type { Requirement, Standard, Status, Verdict } from './requirement.ts'
import { RFC_6265BIS } from './rfc6265bis.ts'

export const REQUIREMENTS: readonly Requirement[] = [...ASVS_COOKIES, ...ASVS_SESSIONS, ...RFC_6265BIS, ...NIST, ...OWASP]

/** One requirement, and what the configuration does about it. */
export interface Finding extends Verdict {
  readonly standard: Standard
  readonly id: string
  readonly about: string
}

/** What `sessions.audit()` gives. As text it is a table. It shows no key and no id. */
export class AuditReport {
  readonly findings: readonly Finding[]

  /** @internal */
  constructor(facts: AuditFacts) {
    this.findings = Object.freeze(
      REQUIREMENTS.map(({ standard, id, about, judge }) => Object.freeze({ standard, id, about, ...judge(facts) })),
    )
    Object.freeze(this)
  }

  /** The findings of one kind. */
  of(status: Status): Finding[] {
    return this.findings.filter(finding => finding.status === status)
  }

  toString(): string {
    const count = (status: Status) => this.of(status).length
    const lines = this.findings.map(({ standard, id, about, status, text, option }) => {
      const by = option === undefined ? '' : ` (${option})`
      return `${status.padEnd(5)}  ${standard} ${id}: ${about}. ${text}${by}`
    })
    return [...lines, `${count('met')} met, ${count('unmet')} unmet, ${count('app')} for the app`].join('\n')
  }
}
