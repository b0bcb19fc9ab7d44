import { userControlsOf } from '../core/controls.ts'
import { type CsrfRequest, decidesByToken, judgeCsrf, originsOf } from '../core/csrf.ts'
import { SessionAsyncHookError, SessionCsrfError } from '../core/errors.ts'
import { isPromise } from '../core/maybe.ts'
import { mustBeFunction, mustBeKnown } from '../core/options.ts'
import type { ReadHeader } from '../core/transport.ts'
import { type CsrfKey, csrfToken, csrfTokenMatches } from '../crypto/csrf-token.ts'
import type { Key, Keyring } from '../crypto/keyring.ts'

export interface CsrfOptions<C = unknown> {
  /** The site's own origins, such as `['https://shop.example']`. They are never taken from Host, which is the client's word. */
  origins: readonly string[]
  /** Where a form's token is found. Default: the header `X-CSRF-Token`. It is asked only where the browser says neither Sec-Fetch-Site nor Origin. */
  token?: ((context: C) => unknown) | undefined
}

/** The tokens of a site. */
export class CsrfTokens {
  readonly #keyring: () => Keyring
  readonly #scope: string
  readonly #derived = new WeakMap<Key, CsrfKey>()

  constructor(keyring: () => Keyring, scope: string) {
    this.#keyring = keyring
    this.#scope = scope
  }

  token(session: object): string {
    const subject = userControlsOf(session).csrfSubject
    if (subject === undefined) throw new TypeError('csrfToken(): the session has not begun; store something in it first')
    return csrfToken(this.#key(this.#keyring().newest), subject)
  }

  valid(session: object | null, token: string): boolean {
    const subject = session === null ? undefined : userControlsOf(session).csrfSubject
    if (subject === undefined) return false
    const keys = this.#keyring().readers.map(key => this.#key(key))
    return csrfTokenMatches(keys, subject, token)
  }

  #key(key: Key): CsrfKey {
    const known = this.#derived.get(key)
    if (known) return known
    const derived = key.derive(`csrf/${this.#scope}`)
    this.#derived.set(key, derived)
    return derived
  }
}

/**
 * What an adapter asks before the handler runs. Throws a 403; the session is looked at only where a token must decide. `known`: its
 * options beside those of all.
 */
export function csrfGuard<C>(tokens: CsrfTokens, options: CsrfOptions<C>, ...known: string[]) {
  mustBeKnown('csrf', options, ['origins', 'token', ...known])
  mustBeFunction('token', options.token)
  const origins = originsOf('origins', options.origins)
  const { token } = options
  return (context: C, method: CsrfRequest['method'], header: ReadHeader, session: () => object | null): void => {
    const request = {
      method,
      header,
      get token() {
        return token ? atOnce(token(context)) : header(CSRF_HEADER)
      },
    }
    const verdict = judgeCsrf(request, { origins, valid: text => tokens.valid(session(), text) })
    if (!verdict.ok) throw new SessionCsrfError(verdict.reason)
  }
}

/** A promise would be no token, and what it fails of nobody's. */
function atOnce(answer: unknown): unknown {
  if (!isPromise(answer)) return answer
  answer.then(undefined, () => undefined)
  throw new SessionAsyncHookError('token')
}

/** The same where a form is read in time: `token` may answer by a promise. */
export function awaitedCsrfGuard<C>(tokens: CsrfTokens, options: CsrfOptions<C>) {
  const { token } = options
  const check = csrfGuard<{ sent?: unknown }>(tokens, {
    ...options,
    ...(typeof token === 'function' && { token: ({ sent }) => sent }),
  } as CsrfOptions)
  return async (context: C, method: string, header: ReadHeader, session: () => object | null): Promise<void> => {
    const asked = token !== undefined && decidesByToken({ method, header })
    check(asked ? { sent: await token(context) } : {}, method, header, session)
  }
}

const CSRF_HEADER = 'x-csrf-token'
