// Which tests fail when the control is taken out that a row of the audit calls `met`. By `standard id`.

interface Evidence {
  /** From the root of the repository: a file of tests, or of the rows that tests are made from. */
  file: string
  /** The name of a test, or of a row of one, as it stands in that file. */
  test: string
}

const own =
  (file: string) =>
  (test: string): Evidence => ({ file: `test/${file}`, test })

const transport = own('unit/cookie/transport.test.ts')
const settings = own('promises/11-settings.test.ts')
const lifetimes = own('promises/lifetimes.ts')
const logins = own('promises/09-login.test.ts')
const sealed = own('unit/crypto/sealed.test.ts')
const ids = own('unit/crypto/session-id.test.ts')
const secure = own('hard-cases/h12-secure.test.ts')
const levels = own('unit/assurance.test.ts')
const report = own('unit/audit/evidence.test.ts')

const attributes = transport('%j writes %s')
const random = [
  ids('use every bit: each is set in about half of them'),
  ids('have their form and never come twice, across the refills of the pool'),
]
const hidden = sealed('shows nothing of the text, and writes it differently each time')
const whole = own('promises/12-oversize.test.ts')('promise 12: 4096 octets are accepted and 4097 refused, exactly')
const notSecure = settings('a cookie that is not Secure')
const dead = [
  own('hard-cases/h04-late-request.test.ts')('H4: after a logout a late request brings nothing back and sets nothing'),
  own('hard-cases/h17-timeouts.test.ts')('H17: a logout that the store fails clears the cookie'),
  own('hard-cases/h05-readers.test.ts')('H5, H8: with revocations, a copy of a cookie that was taken over is worth nothing after'),
]
const expiry = own('unit/core/lifetime.test.ts')
// A store, and a sealed cookie, have an end of their own beside the one that the engine reads: over HTTP either would do, so the
// engine's is shown by itself as well.
const idle = [lifetimes('idle: it lives for idleTimeout after its last use, and ends a moment later'), expiry('after it, it is idle')]
const absolute = [
  lifetimes('absolute: however often it is read, it ends after absoluteTimeout'),
  lifetimes('absolute: a write does not move it either'),
  expiry('past both, the absolute one is named'),
]
const remembered = lifetimes('remember: it lives for rememberTimeout without any use, past idleTimeout and absoluteTimeout, and not longer')

export const EVIDENCE: Readonly<Record<string, readonly Evidence[]>> = {
  'OWASP ASVS 5.0 3.3.1': [secure('H12: Secure and the name of the cookie never depend on the request'), notSecure, attributes],
  'OWASP ASVS 5.0 3.3.2': [attributes],
  'OWASP ASVS 5.0 3.3.3': [attributes],
  'OWASP ASVS 5.0 3.3.4': [attributes, own('promises/26-secrets.test.ts')('promise 26: no raw id in logs, errors, events or warnings')],
  'OWASP ASVS 5.0 3.3.5': [whole],
  'OWASP ASVS 5.0 7.2.1': [
    own('promises/22-keys.test.ts')('promise 22: a key that was never set proves nothing'),
    sealed('refuses a cookie of 300 octets with one bit flipped, each of them, also below the text'),
  ],
  'OWASP ASVS 5.0 7.2.2': random,
  'OWASP ASVS 5.0 7.2.3': [...random, hidden],
  'OWASP ASVS 5.0 7.3.1': [...idle, remembered],
  'OWASP ASVS 5.0 7.3.2': [...absolute, remembered],
  'OWASP ASVS 5.0 7.4.1': dead,

  'RFC 6265bis size': [whole],
  'RFC 6265bis attributes': [report('a path of 1,100 octets, which browsers ignore, is unmet')],
  'RFC 6265bis age': [
    settings('an absolute timeout of 401 days'),
    transport('says when the browser may forget it, at most 400 days ahead'),
  ],
  'RFC 6265bis prefixes': [settings('__Host- with a path'), settings('__Host- with a domain'), settings('__HOST- in another case')],
  'RFC 6265bis none': [notSecure, transport('without Secure, for plain http in development, has no prefix and may not need Secure')],
  'RFC 6265bis deletion': [secure('H12: a logout repeats the attributes, so that the browser takes it')],

  'NIST SP 800-63B-4 2.1.3': [levels('31 days at aal1'), levels('a remembered login of 31 days at aal1')],
  'NIST SP 800-63B-4 2.2.3': [levels('25 hours at aal2'), levels('61 minutes at aal2'), levels('a remembered login of a day at aal2')],
  'NIST SP 800-63B-4 2.3.3': [levels('13 hours at aal3'), levels('16 minutes at aal3'), levels('a remembered login of a day at aal3')],
  'NIST SP 800-63B-4 5.1 secret': [...random, hidden],
  'NIST SP 800-63B-4 5.1 logout': [...dead, secure('H12: a logout repeats the attributes, so that the browser takes it')],
  'NIST SP 800-63B-4 5.1 timeout': [...idle, ...absolute],
  'NIST SP 800-63B-4 5.1 restart': [
    logins('promise 13: a login that is not to be remembered ends the longer life of the one before'),
    attributes,
  ],
  'NIST SP 800-63B-4 5.1.1 https': [notSecure, attributes],
  'NIST SP 800-63B-4 5.1.1 hosts': [attributes],
  'NIST SP 800-63B-4 5.1.1 scripts': [attributes],
  'NIST SP 800-63B-4 5.1.1 prefix': [attributes],
  'NIST SP 800-63B-4 5.1.1 samesite': [attributes],
  'NIST SP 800-63B-4 5.1.1 content': [
    hidden,
    own('promises/21-stolen-database.test.ts')('promise 21: nothing that the store holds is a cookie, an id, or leads to one'),
  ],

  'OWASP Session Management name': [attributes, report('a name that tells what the server runs is unmet')],
  'OWASP Session Management content': [...random, hidden],
  'OWASP Session Management strict': [
    own('fuzz/cookie-header.test.ts')('no Cookie header throws, adopts an id, changes a prototype or stays in memory'),
    own('promises/15-untouched.test.ts')('promise 15: a visitor whose cookie is worth nothing writes nothing'),
  ],
  'OWASP Session Management url': [
    transport('reads the cookie of its name, up to four if there are several, and says what answers depend on'),
  ],
  'OWASP Session Management idle': idle,
  'OWASP Session Management absolute': absolute,
  'OWASP Session Management concurrency': [
    own('promises/16-log-out-everywhere.test.ts')('promise 16: the sessions of a user are listed and ended, those of others stay'),
  ],
  'OWASP Session Management cache': [
    own('hard-cases/h25-caches.test.ts')('H25: every answer that has read a user’s session is no-store: login, page, error and logout'),
  ],
  'OWASP Session Management rest': [hidden],
}
