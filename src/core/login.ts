import { epochOfTicket, withSeen } from './epochs.ts'
import type { Data } from './json.ts'
import { sameJson } from './json.ts'
import { type LifetimePolicy, rememberedMeta } from './lifetime.ts'
import { type Duration, durationMs, mustBeKnown } from './options.ts'
import type { Meta } from './record.ts'
import { checkUserId } from './user-id.ts'

/** The session at the identity provider that this login came from: what OpenID Connect's back-channel logout names. */
export interface IdpSession {
  iss: string
  sid: string
}

export interface LoginOptions {
  /** Keeps the user signed in when the browser closes, for `rememberTimeout`, or for this shorter time. Default false. */
  remember?: boolean | Duration | undefined
  /** When the identity provider's own session ends, in ms since the epoch or as a `Date`. It can only make this one end sooner. */
  expiresAt?: number | Date | undefined
  idp?: IdpSession | undefined
  /**
   * What `sessions.beginLogin(userId)` gave before the password was checked: if the user was logged out everywhere since, the login
   * fails, whatever clocks say. Keep it on the server: from the client it would prove nothing. Default none: clocks are compared.
   */
  ticket?: string | undefined
}

/** How the user has proved who they are once more: `'password'`, `'totp'`, `'passkey'` … kept with the session. */
export interface ReauthenticatedOptions {
  factor?: string | undefined
}

export interface RegenerateOptions {
  /** What goes along under the new id: all data, none, or those of these top-level keys. */
  keep?: boolean | readonly string[] | undefined
}

/** What the next write says of the user: who it is, and since when that is known. */
export interface Proof {
  userId: string | undefined
  /** When the request that brought the proof was opened: what ended the user's sessions after that ends this one too (H7). Undefined: nobody knows. */
  at: number | undefined
  /** A login begins a new life; a step-up goes on with the old one, and never past its absolute end. */
  begins?: { absoluteMs: number | null; endsAt: number | undefined }
  meta: Meta | undefined
}

/** Which sessions hang on one at an identity provider, so that its end there is their end here. */
export interface IdpLinks {
  /** Before a session of this user is stored that lives until `endsAt` at the latest. False: the provider has ended its own. */
  link(idp: IdpSession, userId: string, endsAt: number): Promise<boolean>
  /** After it is stored: false if the provider has ended its own meanwhile. */
  stands(idp: IdpSession): Promise<boolean>
}

/** A new id, and what changes with it. */
export interface Renewal {
  /** The keys that may go along; true: all. Of `own`, only what this request itself has set. */
  keep: true | readonly string[] | 'own'
  proof?: Proof
  /** The session's own life from now on; absent: as it is. */
  life?: { maxAge: number | null | undefined }
  /** Where the login came from. */
  idp?: IdpSession | undefined
}

/** What a login knows of the session and the site. */
export interface LoginScene {
  openedAt: number
  now: number
  /** Whose session it was. */
  userId: string | undefined
  policy: LifetimePolicy
  rememberMs: number
}

const LOGIN = ['remember', 'expiresAt', 'idp', 'ticket'] as const satisfies ReadonlyArray<keyof LoginOptions>
const MAX_IDP_CHARACTERS = 1024

/** What a login makes of a session. Misuse is a `TypeError` before anything is stored. */
export function loginOf(userId: unknown, options: LoginOptions, scene: LoginScene): Renewal {
  mustBeKnown('login', options, LOGIN)
  const id = checkUserId(userId)
  const own = rememberedMs(options.remember ?? false, scene.rememberMs)
  const meta = metaOf(options, id)
  const begins = { absoluteMs: own ?? scene.policy.absoluteMs, endsAt: endOf(options.expiresAt, scene.now) }
  return {
    // What a session holds of one user is nothing for another one: only what the login itself has put there goes along.
    keep: scene.userId === undefined || scene.userId === id ? true : 'own',
    proof: { userId: id, at: scene.openedAt, begins, meta: own === undefined ? meta : rememberedMeta(meta, scene.policy) },
    life: { maxAge: own },
    idp: options.idp && { iss: options.idp.iss, sid: options.idp.sid },
  }
}

function rememberedMs(remember: boolean | Duration, longest: number): number | undefined {
  if (remember === false) return undefined
  if (remember === true) return longest
  const ms = durationMs('remember', remember)
  // Sealed cookies are refused after the longest life that the site has configured.
  if (ms > longest) throw new TypeError('remember is longer than rememberTimeout')
  return ms
}

function endOf(expiresAt: number | Date | undefined, now: number): number | undefined {
  if (expiresAt === undefined) return undefined
  const at = Math.floor(Number(expiresAt))
  // Negated, so that what is no number is refused. Seconds instead of ms lie in the past, and are found here.
  if (!(at > now)) throw new TypeError('expiresAt must be a time in ms since the epoch (or a Date) that is still to come')
  return at
}

function metaOf({ idp, ticket }: LoginOptions, userId: string): Meta | undefined {
  const meta = idp && idpMeta(idp)
  if (ticket === undefined) return meta
  const epoch = epochOfTicket(ticket, userId)
  if (!epoch) throw new TypeError('ticket must be what sessions.beginLogin(userId) gave for this user')
  return withSeen(meta, epoch)
}

function idpMeta(idp: IdpSession): Meta {
  const { iss, sid } = checkIdp(idp)
  return { idp: { iss, sid } }
}

/** The names of a session at an identity provider, or a `TypeError`. */
export function checkIdp(idp: IdpSession): IdpSession {
  for (const name of ['iss', 'sid'] as const) {
    const value: unknown = idp?.[name]
    if (typeof value !== 'string' || value === '' || value.length > MAX_IDP_CHARACTERS) {
      throw new TypeError(`idp.${name} must be a text of 1 to ${MAX_IDP_CHARACTERS} characters`)
    }
  }
  return { iss: idp.iss, sid: idp.sid }
}

/** Whether a session came from this one at an identity provider. */
export function comesFrom(meta: Meta | undefined, { iss, sid }: IdpSession): boolean {
  const idp = meta?.idp as Partial<IdpSession> | null | undefined
  return idp?.iss === iss && idp.sid === sid
}

/** The user is the same and has shown it once more. */
export function stepUpOf(options: ReauthenticatedOptions, scene: LoginScene, meta: Meta | undefined): Renewal {
  mustBeKnown('reauthenticated', options, ['factor'])
  const { factor } = options
  if (factor !== undefined && (typeof factor !== 'string' || factor === '' || factor.length > 64)) {
    throw new TypeError('factor must be a text of 1 to 64 characters')
  }
  return {
    keep: true,
    proof: { userId: scene.userId, at: scene.openedAt, meta: factor === undefined ? meta : { ...meta, factor } },
  }
}

export function keepOf(keep: RegenerateOptions['keep'] = true): true | readonly string[] {
  if (keep === true) return true
  if (keep === false) return []
  if (Array.isArray(keep) && keep.every(key => typeof key === 'string')) return keep
  throw new TypeError('keep must be true, false or a list of top-level keys')
}

/** The part of the data that goes along. */
export function keptOf(data: Data, base: Data, keep: Renewal['keep']): Data {
  if (keep === true) return data
  return only(data, key => (keep === 'own' ? !sameJson(own(data, key), own(base, key)) : keep.includes(key)))
}

/** Of what another request has written meanwhile, only what may go along does. */
export function keptOfMerged(merged: Data, mine: Data, keep: Renewal['keep']): Data {
  if (keep === true) return merged
  return only(merged, key => Object.hasOwn(mine, key) || (keep !== 'own' && keep.includes(key)))
}

function only(data: Data, wanted: (key: string) => boolean): Data {
  return Object.fromEntries(Object.entries(data).filter(([key]) => wanted(key)))
}

function own(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined
}
