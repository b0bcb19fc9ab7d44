import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuditReport, REQUIREMENTS } from '../../src/native/audit/audit.ts'
import { type AuditFacts, span } from '../../src/native/audit/facts.ts'
import { startMessage } from '../../src/native/audit/start-check.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The defaults of `createSessions` with a store and `user`. */
const defaults: AuditFacts = {
  policy: undefined,
  place: 'store',
  cookie: { name: '__Host-sid', path: '/', domain: undefined, secure: true, httpOnly: true, sameSite: 'lax', partitioned: false },
  insecure: false,
  idleMs: 30 * MINUTE,
  absoluteMs: 12 * HOUR,
  anonymousMs: 2 * HOUR,
  rememberMs: null,
  keepsIndex: true,
  names: true,
  takesOver: false,
  indexed: true,
  revocations: false,
  maxSessions: null,
  noStore: true,
}
const facts = (part: Partial<AuditFacts>): AuditFacts => ({ ...defaults, ...part })
const cookie = (part: Partial<NonNullable<AuditFacts['cookie']>>): Partial<AuditFacts> => ({
  cookie: { ...(defaults.cookie as NonNullable<AuditFacts['cookie']>), ...part },
})
const unmetOf = (part: Partial<AuditFacts>) =>
  new AuditReport(facts(part)).of('unmet').map(({ standard, id, option }) => `${standard} ${id}: ${option}`)

const ASVS =
  '7.1.1 7.1.2 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.5.3 7.6.1 7.6.2 3.3.1 3.3.2 3.3.3 3.3.4 3.3.5'

describe('the audit', () => {
  it('has each requirement once', () => {
    const ids = REQUIREMENTS.map(({ standard, id }) => `${standard} ${id}`)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ASVS.split(' ')) expect(ids).toContain(`OWASP ASVS 5.0 ${id}`)
    for (const id of ['2.1.3', '2.2.3', '2.3.3']) expect(ids).toContain(`NIST SP 800-63B-4 ${id}`)
  })

  it('finds nothing unmet in the defaults with a store and users', () => {
    expect(unmetOf({})).toEqual([])
  })

  it.each<[string, Partial<AuditFacts>, string[]]>([
    ['a store whose users login() names', { indexed: false }, []],
    [
      'a store that keeps no index',
      { keepsIndex: false, indexed: false },
      ['7.4.2: store', '7.4.3: store', '7.4.5: store', '7.5.2: store', '7.6.1: store'],
    ],
    [
      'cookie mode',
      { place: 'cookie', keepsIndex: false, indexed: false },
      ['7.2.4: store', '7.4.1: revocations', '7.4.2: store', '7.4.3: store', '7.4.5: store', '7.5.2: store', '7.6.1: store'],
    ],
    ['a cookie that scripts read', cookie({ httpOnly: false }), ['3.3.4: cookie.httpOnly']],
    ['no prefix', cookie({ name: 'sid' }), ['3.3.1: cookie.name', '3.3.3: cookie.name']],
    ['a path', cookie({ name: '__Secure-sid', path: '/app' }), ['3.3.3: cookie.path']],
    ['a domain', cookie({ name: '__Secure-sid', domain: 'example.com' }), []],
    ['plain http', { insecure: true, ...cookie({ name: 'sid', secure: false }) }, ['3.3.1: insecure', '3.3.3: cookie.name']],
    ['a header', { cookie: null }, []],
  ])('of ASVS with %s', (_, part, ids) => {
    expect(
      unmetOf(part)
        .filter(text => text.startsWith('OWASP ASVS'))
        .sort(),
    ).toEqual(ids.map(id => `OWASP ASVS 5.0 ${id}`).sort())
  })

  it.each<[string, Partial<AuditFacts>, string[]]>([
    ['no policy and 40 days', { absoluteMs: 40 * DAY, idleMs: 40 * DAY }, []],
    ['aal1 and 30 days', { policy: 'aal1', absoluteMs: 30 * DAY }, []],
    ['aal1 and 31 days', { policy: 'aal1', absoluteMs: 31 * DAY }, ['2.1.3']],
    ['aal2 at its limits', { policy: 'aal2', absoluteMs: DAY, idleMs: HOUR }, []],
    ['aal2 and a remembered login', { policy: 'aal2', rememberMs: 30 * DAY }, ['2.2.3']],
    ['aal3 at its limits', { policy: 'aal3', absoluteMs: 12 * HOUR, idleMs: 15 * MINUTE }, []],
    ['aal3 and half an hour', { policy: 'aal3' }, ['2.3.3']],
  ])('of NIST with %s', (_, part, ids) => {
    const timeouts = unmetOf(part).filter(text => /^NIST.* 2\./.test(text))
    expect(timeouts).toEqual(ids.map(id => `NIST SP 800-63B-4 ${id}: policy`))
  })

  it('names the option of each requirement that is unmet, whatever the configuration', () => {
    const any = fc.record<AuditFacts>({
      policy: fc.constantFrom(undefined, 'aal1', 'aal2', 'aal3'),
      place: fc.constantFrom('cookie', 'store'),
      cookie: fc.option(
        fc.record({
          name: fc.constantFrom('__Host-sid', '__Secure-sid', 'sid', 'connect.sid'),
          path: fc.constantFrom('/', '/app', `/${'a'.repeat(1100)}`),
          domain: fc.constantFrom(undefined, 'example.com'),
          secure: fc.boolean(),
          httpOnly: fc.boolean(),
          sameSite: fc.constantFrom('lax', 'strict', 'none'),
          partitioned: fc.boolean(),
        }),
      ),
      insecure: fc.boolean(),
      idleMs: fc.integer({ min: 1, max: 400 * DAY }),
      absoluteMs: fc.integer({ min: 1, max: 400 * DAY }),
      anonymousMs: fc.integer({ min: 1, max: 400 * DAY }),
      rememberMs: fc.option(fc.integer({ min: 1, max: 400 * DAY })),
      keepsIndex: fc.boolean(),
      names: fc.boolean(),
      takesOver: fc.boolean(),
      indexed: fc.boolean(),
      revocations: fc.boolean(),
      maxSessions: fc.option(fc.integer({ min: 1, max: 100 })),
      noStore: fc.boolean(),
    })
    fc.assert(
      fc.property(any, given => {
        const report = new AuditReport(given)
        expect(report.findings).toHaveLength(REQUIREMENTS.length)
        expect(new AuditReport(given)).toEqual(report)
        for (const { status, text, option } of report.findings) {
          expect(text).not.toMatch(/undefined|null|NaN|Infinity/)
          if (status === 'unmet') expect(option).toBeTruthy()
        }
      }),
      { numRuns: 200 },
    )
  })

  it('is a table as text', () => {
    const text = String(new AuditReport(facts({})))
    expect(text).toContain(
      'met    OWASP ASVS 5.0 7.3.1: a session ends after a time without use. it ends after 30 min without use (idleTimeout)',
    )
    expect(text).toMatch(/\d+ met, 0 unmet, \d+ for the app$/)
  })

  it.each([
    [30 * MINUTE, '30 min'],
    [12 * HOUR, '12 h'],
    [DAY, '1 d'],
    [90 * MINUTE, '90 min'],
    [1500, '1500 ms'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(span(ms)).toBe(text)
  })
})

describe('the start-up check', () => {
  const messageOf = (part: Partial<AuditFacts>) => startMessage(new AuditReport(facts(part)), part.policy)

  it('says nothing of what follows from the mode, which has its own message', () => {
    expect(messageOf({})).toBeUndefined()
    expect(messageOf({ place: 'cookie', keepsIndex: false, indexed: false })).toBeUndefined()
  })

  it('says what an option has weakened, and how to mend it', () => {
    expect(messageOf(cookie({ httpOnly: false }))).toMatch(
      /^2 requirements are not met.*ASVS 5\.0 3\.3\.4: scripts can read the cookie \(option cookie\.httpOnly\)/,
    )
  })

  it('says everything to a site that has chosen a level', () => {
    expect(messageOf({ policy: 'aal1', place: 'cookie', keepsIndex: false, indexed: false })).toMatch(/7\.4\.1: .* \(option revocations\)/)
  })
})
