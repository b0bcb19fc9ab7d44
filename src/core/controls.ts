import type { Loaded } from './backend.ts'
import type { Data } from './json.ts'
import type { LoginOptions, ReauthenticatedOptions, RegenerateOptions } from './login.ts'
import type { Duration } from './options.ts'
import type { GoneReason } from './record.ts'

/** What an adapter lets the functions of `holdfast` do to the session that a handler holds. */
export interface SessionControls {
  readonly id: string | undefined
  readonly isNew: boolean
  save(): Promise<void>
  regenerate(options?: RegenerateOptions): Promise<void>
  destroy(): Promise<void>
  reload(): Promise<boolean>
  update(change: (draft: Data) => unknown): Promise<void>
}

/** The same, where a request stands behind the session: who is logged in by it. */
export interface UserControls extends SessionControls {
  /** Whom it belongs to, as stored. */
  readonly userId: string | undefined
  readonly authenticatedAt: number | undefined
  /** Why the session that the request came with is no more, if it had one and that is known. */
  readonly goneReason: GoneReason | undefined
  /** What its CSRF tokens are bound to: a new id that was asked for makes them worthless. Undefined as long as nothing is stored. */
  readonly csrfSubject: string | undefined
  /** What is stored of it; null where nothing is, and where it is a session of another manager. */
  storedAt(manager: object): Loaded | null
  login(userId: string, options?: LoginOptions): Promise<void>
  logout(options?: LogoutOptions): Promise<void>
  requireFresh(within: Duration): void
  signal(options?: SignalOptions): AbortSignal
  reauthenticated(options?: ReauthenticatedOptions): Promise<void>
  factorChanged(): Promise<number>
}

export interface SignalOptions {
  /**
   * Asks the store this often, too, whether the session still lives: what another process has ended is then noticed before the
   * session would have ended by itself. Default: only when it would end.
   */
  every?: Duration | undefined
}

/** What a browser can be told to forget of a site at a logout. */
export type SiteData = 'cache' | 'cookies' | 'storage' | 'executionContexts'

export interface LogoutOptions {
  /**
   * Sends `Clear-Site-Data`: of `true`, caches and storage; of a list, that. `cookies` takes those of every subdomain along,
   * and the session's own is cleared anyway. Browsers heed it over https only. Default false.
   */
  clearSiteData?: boolean | readonly SiteData[] | undefined
}

/**
 * Where a session object keeps its controls. A symbol, the same in each copy of this package: it is no name that a user's
 * data could have.
 */
export const CONTROLS: unique symbol = Symbol.for('holdfast.controls')

/**
 * The object that a handler holds. Its own enumerable properties are the user's data and nothing else; every name that an
 * adapter gives it stands on a prototype, so that data of the same name simply hides it.
 */
export class SessionHolder {
  readonly #controls: SessionControls

  constructor(controls: SessionControls) {
    this.#controls = controls
  }

  get [CONTROLS](): SessionControls {
    return this.#controls
  }
}

/** Has a name, for tools that print it, and leads nowhere. */
function Session(): void {}
Object.freeze(Session.prototype)
Object.freeze(Session)

/**
 * Closes the ways from a session to what all sessions share: `session.__proto__ = value` stores data, as any other name
 * does, and without such data neither `__proto__` nor `constructor` gives anything that could be changed.
 */
export function sealOff(holder: { prototype: object }): void {
  Object.defineProperties(holder.prototype, {
    constructor: { value: Session, writable: true, configurable: true },
    // Computed: a plain `__proto__:` would be the literal's own prototype.
    ['__proto__']: {
      configurable: true,
      get(): undefined {
        return undefined
      },
      set(this: object, value: unknown) {
        Object.defineProperty(this, '__proto__', { value, enumerable: true, writable: true, configurable: true })
      },
    },
  })
}

sealOff(SessionHolder)

/** The controls of a session that a request stands behind; of one that was read from a store, nobody can log in. */
export function userControlsOf(session: object): UserControls {
  const controls = controlsOf(session)
  if (!('login' in controls)) throw new TypeError('this session was made from a store and belongs to no request: nobody can log in by it')
  return controls as UserControls
}

export function controlsOf(session: object): SessionControls {
  const controls = (session as { [CONTROLS]?: SessionControls })[CONTROLS]
  if (!controls) throw new TypeError('not a Holdfast session: pass ctx.session as the handler got it')
  return controls
}
