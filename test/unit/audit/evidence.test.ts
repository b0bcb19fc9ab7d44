// H25: the audit never says `met` without a test that fails when the control is taken out.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { AuditReport } from '../../../src/native/audit/audit.ts'
import type { AuditFacts } from '../../../src/native/audit/facts.ts'
import { createSessions } from '../../../src/native/create-sessions.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { secret } from '../support.ts'
import { EVIDENCE } from './evidence.ts'

const DAY = 86_400_000
const cookie = {
  name: '__Host-sid',
  path: '/',
  domain: undefined,
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
} as const

/** What decides about `met`, each both ways. */
const configurations: AuditFacts[] = (['store', 'cookie'] as const).flatMap(place =>
  [cookie, null].flatMap(sent =>
    [true, false].flatMap(yes => ({
      policy: undefined,
      place,
      cookie: sent,
      insecure: false,
      idleMs: yes ? 900_000 : 40 * DAY,
      absoluteMs: yes ? 3_600_000 : 40 * DAY,
      anonymousMs: 900_000,
      rememberMs: yes ? null : 30 * DAY,
      keepsIndex: yes,
      names: yes,
      takesOver: yes,
      indexed: yes,
      revocations: yes,
      maxSessions: yes ? 3 : null,
      noStore: yes,
    })),
  ),
)

const metBy = (facts: AuditFacts) => new AuditReport(facts).of('met').map(({ standard, id }) => `${standard} ${id}`)
const textOf = (file: string) => readFileSync(fileURLToPath(new URL(`../../../${file}`, import.meta.url)), 'utf8')

describe('the rows of the audit that can be met', () => {
  it('H25: each has a test that shows its control, and no other row has', () => {
    const met = new Set(configurations.flatMap(metBy))
    expect(Object.keys(EVIDENCE).sort()).toEqual([...met].sort())
  })

  it.each(Object.entries(EVIDENCE))('H25: %s: the tests exist', (_, tests) => {
    expect(tests.length).toBeGreaterThan(0)
    // Within quotes of whichever kind: a name, or the beginning of one.
    expect(tests.filter(({ file, test }) => !["'", '"', '`'].some(quote => textOf(file).includes(`${quote}${test}`)))).toEqual([])
  })
})

describe('what the audit is told', () => {
  const findingOf = (options: object, id: string) =>
    createSessions({ keys: [secret(1)], store: new MemoryStore(), ...options })
      .audit()
      .findings.find(finding => finding.id === id)

  it('a path of 1,100 octets, which browsers ignore, is unmet', () => {
    expect(findingOf({ cookie: { path: '/app' } }, 'attributes')?.status).toBe('met')
    expect(
      new AuditReport({ ...(configurations[0] as AuditFacts), cookie: { ...cookie, path: `/${'a'.repeat(1100)}` } }).of('unmet'),
    ).toContainEqual(expect.objectContaining({ id: 'attributes', option: 'cookie.path' }))
  })

  it('a name that tells what the server runs is unmet', () => {
    expect(findingOf({ cookie: { name: '__Secure-connect.sid' } }, 'name')).toMatchObject({ status: 'unmet', option: 'cookie.name' })
  })

  it('H25: that a login may be remembered is known: no row says that the cookie never outlives the browser', () => {
    expect(findingOf({}, '5.1 restart')?.status).toBe('app')
    expect(findingOf({}, '7.3.2')?.text).toBe('it ends after 12 h in any case; 30 d where login() was told to remember the user')
    expect(findingOf({ rememberTimeout: '90d', policy: undefined }, '2.1.3')?.status).toBe('app')
  })

  it('H25: no-store is what native mode does', () => {
    expect(findingOf({}, 'cache')?.status).toBe('met')
  })
})
