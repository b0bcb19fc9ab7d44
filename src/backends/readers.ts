import { MAX_COOKIE_AGE_MS } from '../cookie/attributes.ts'
import { chunkNames } from '../cookie/chunks.ts'
import { cookieValues } from '../cookie/header.ts'
import type { Decoded, Takeover } from '../core/backend.ts'
import { SessionKeysError } from '../core/errors.ts'
import { type Data, parseData, put } from '../core/json.ts'
import { begin, endBy, expiry, type LifetimePolicy } from '../core/lifetime.ts'
import { mustBeKnown, mustBeOneOf } from '../core/options.ts'
import type { Life } from '../core/record.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { looksSealed } from '../crypto/envelope.ts'
import { keygripSigner, type PeerKey, peerKey } from '../crypto/keygrip-signature.ts'
import type { KeyInput, Keyring } from '../crypto/keyring.ts'
import { newSid, takenSid } from '../crypto/session-id.ts'
import type { CookieFormat } from './cookie.ts'

/** Cookies of another library that are accepted for a while, so that a site moves to encrypted ones without a logout. */
export interface ReaderOptions {
  /** Who wrote them: koa-session without a store, or Express's cookie-session. Both sign with keygrip. */
  format: 'koa-session' | 'cookie-session'
  /** Their name. The signature is in `<cookieName>.sig`. */
  cookieName: string
  /** What signed them. None of these may be among `keys`. `{ secret, revoked: true }` ends also what was taken over from it. */
  keys: readonly KeyInput[]
  /** Until when, at most 400 days from now: while a reader is on, the encryption is worth its oldest signing key. */
  acceptUntil: Date | number | string
  /** The Path with which they were set, to clear them. Default `/`. */
  path?: string | undefined
  /** The Domain with which they were set, to clear them. Default none. */
  domain?: string | undefined
}

const OPTIONS = ['format', 'cookieName', 'keys', 'acceptUntil', 'path', 'domain'] as const satisfies ReadonlyArray<keyof ReaderOptions>
const FORMATS = ['koa-session', 'cookie-session'] as const

/** Both peers write base64 of a JSON object: it begins with `{`. No envelope does. */
const VALUE = /^e[\w+/]*={0,2}$/
const SIGNATURE = /^[\w-]{27}$/
/** When it began nobody knows: before any time that a site may name. */
const BORN_AT = 0
/** What koa-session mixes into the data. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['_expire', '_maxAge', '_session', '_requireSave', '_holdfast'])

interface Reader {
  readonly format: ReaderOptions['format']
  readonly cookieName: string
  readonly keys: readonly PeerKey[]
  readonly acceptUntil: number
  readonly path: string
  readonly domain: string | undefined
}

export interface ReadersConfig {
  /** The cookie that is written. */
  cookieName: string
  path?: string | undefined
  domain?: string | undefined
  /** The layout in which the site keeps what is taken over. */
  format: CookieFormat
  /** The life that it goes on with. `wire`: what koa-session wrote, with its bookkeeping; cookie-session writes none. */
  life: (wire: Data | undefined, now: number) => Life
  /** Whose session it is by its data, in the layout of today; absent where that is not known before it is opened. */
  userOf?: ((data: Data) => string | undefined) | undefined
  /** Whether nobody has logged in to it. A guest's cookie may be like those of many others, whose sessions are not to end with it. */
  isGuest?: ((data: Data) => boolean) | undefined
  /** As for the site's own cookies. When a peer's session began nobody knows: any such time ends it. */
  rejectIssuedBefore?: (() => number | undefined) | undefined
  now: () => number
}

/** In native mode the site's timeouts count, and no life becomes longer than the peer had given. */
export function nativeLife(policy: LifetimePolicy): ReadersConfig['life'] {
  return (wire, now) => {
    const life = begin(policy, undefined, now)
    const end = wire?._expire
    // In any case: no use of it goes past that end.
    return end === undefined ? life : endBy(life, typeof end === 'number' ? end : Number.NaN)
  }
}

/** The readers of a site (H5). Which one runs is decided by name and syntax; none is tried after another has refused. */
export class LegacyReaders {
  readonly #readers: readonly Reader[]
  readonly #config: ReadersConfig
  /** The ids of keys that are revoked, by whichever reader: what was taken over from them is refused. */
  readonly revokedOrigins: ReadonlySet<string>
  /** Set-Cookie lines that end their cookies, but for the one that is the site's own: that is written or cleared anyway. */
  readonly #endings: readonly string[]

  constructor(options: readonly ReaderOptions[], config: ReadersConfig) {
    if (!Array.isArray(options)) throw new TypeError('readers must be a list: [{ format, cookieName, keys, acceptUntil }]')
    this.#config = config
    this.#readers = options.map((option, place) => readerOf(option, `readers[${place}]`, config.now()))
    const names = this.#readers.map(({ cookieName }) => cookieName)
    if (new Set(names).size < names.length) throw new TypeError('readers: each must have a cookieName of its own')
    this.revokedOrigins = new Set(this.#readers.flatMap(({ keys }) => keys.filter(({ revoked }) => revoked).map(({ id }) => id)))
    this.#endings = this.#readers.flatMap(reader => endingsOf(reader).slice(this.#isOwn(reader) ? 1 : 0))
  }

  /** All cookies that an answer may end. */
  get cookieNames(): readonly string[] {
    return this.#readers.flatMap(({ cookieName }) => [cookieName, `${cookieName}.sig`])
  }

  /** Until when one of them takes over, in ms since the epoch. */
  get acceptUntil(): number {
    return Math.max(0, ...this.#readers.map(({ acceptUntil }) => acceptUntil))
  }

  /** Refuses a ring that shares a secret with a reader: who can forge the peer's cookies must not be able to encrypt. */
  accept(ring: Keyring): void {
    const shared = this.#readers.find(({ keys }) => keys.some(({ id }) => ring.has(id)))
    if (shared)
      throw new SessionKeysError(
        `keys: one of them also signs the cookie "${shared.cookieName}" of readers; make a new one with: npx holdfast keygen`,
      )
  }

  /** The session that a reader is to verify. None where the written cookie is there, valid or not: else a broken one would be a way back. */
  find(header: string | undefined): Takeover | null {
    if (header === undefined || this.#written(header)) return null
    const now = this.#config.now()
    for (const reader of this.#readers) {
      const values = cookieValues(header, reader.cookieName)
      if (values.length === 0) continue
      const signatures = cookieValues(header, `${reader.cookieName}.sig`)
      const [value, signature] = [values[0] as string, signatures[0] as string]
      // Two of one name: somebody has tossed one in, and nobody knows which.
      const one = values.length === 1 && signatures.length === 1
      if (!one || !VALUE.test(value) || !SIGNATURE.test(signature) || !(now < reader.acceptUntil)) return null
      return { open: request => this.#open(reader, value, signature, request) }
    }
    return null
  }

  /** What it stands for, in the site's layout: to be written again at once, under its own key's line. */
  #open(reader: Reader, value: string, signature: string, request: unknown): Decoded | null {
    const { format, life: lifeOf, userOf, isGuest, now, rejectIssuedBefore } = this.#config
    const signer = keygripSigner(reader.cookieName, value, signature, reader.keys)
    if (!signer || this.revokedOrigins.has(signer.id) || !(BORN_AT >= (rejectIssuedBefore?.() ?? BORN_AT))) return null
    try {
      const wire = parseData(Buffer.from(value, 'base64').toString('utf8'))
      const koa = reader.format === 'koa-session'
      const life = lifeOf(koa ? wire : undefined, now())
      if (expiry(life, now())) return null
      const data = koa ? userDataOf(wire) : wire
      const userId = userOf?.(data)
      // They have proved it some time, nobody knows when: it is no fresh login, and `revokeAll` ends it.
      const sid = isGuest?.(data) ? newSid() : takenSid(reader.cookieName, value, signature)
      const text = format.encode(
        { id: undefined, data: () => data, text: () => JSON.stringify(data), life, userId, sid, changed: false },
        request,
      )
      return { value: text, line: { origin: signer.id, bornAt: BORN_AT }, expiresAt: life.expiresAt, stale: true }
    } catch (error) {
      // No JSON, or so deep that it cannot be written again. What a site's own encoder throws is for the site to see.
      if (error instanceof SyntaxError || error instanceof RangeError) return null
      throw error
    }
  }

  /** On an answer that makes the browser forget its session: it forgets these as well, whether it has sent them or not. */
  endAll(headers: ResponseHeaders): void {
    const others = linesOf(headers).filter(line => !this.#endings.includes(line))
    // First: should a browser take one of them for the cookie that is written, the writing counts.
    headers.set('Set-Cookie', [...this.#endings, ...others])
  }

  /** On an answer that writes the cookie: what has been taken over, or was left behind beside it, comes never again. */
  endSent(headers: ResponseHeaders, header: string | undefined): void {
    // The writing may have taken away the lines of a logout in the same answer.
    if (this.#sent(header) || linesOf(headers).some(line => this.#endings.includes(line))) this.endAll(headers)
  }

  #sent(header: string | undefined): boolean {
    return this.#readers.some(
      reader =>
        cookieValues(header, `${reader.cookieName}.sig`).length > 0 ||
        (reader.cookieName !== this.#config.cookieName && cookieValues(header, reader.cookieName).length > 0),
    )
  }

  /** Whether its cookie and the one that is written are one to a browser. */
  #isOwn({ cookieName, path, domain }: Reader): boolean {
    const own = this.#config
    return cookieName === own.cookieName && path === (own.path ?? '/') && domain === own.domain
  }

  /** The cookie's own name may be a reader's as well: then it counts where it is written as ours. */
  #written(header: string): boolean {
    const { cookieName } = this.#config
    const own = cookieValues(header, cookieName)
    if (this.#readers.some(reader => reader.cookieName === cookieName)) {
      if (own.some(value => looksSealed(value) || /^[2-5]\./.test(value))) return true
    } else if (own.length > 0) return true
    return chunkNames(cookieName)
      .slice(1)
      .some(name => cookieValues(header, name).length > 0)
  }
}

function readerOf(options: ReaderOptions, where: string, now: number): Reader {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where} must be { format, cookieName, keys, acceptUntil }`)
  mustBeKnown(where, options, OPTIONS)
  const { format, cookieName, keys, acceptUntil, path = '/', domain } = options
  if (!FORMATS.includes(format)) mustBeOneOf(`${where}.format`, format ?? 'none', FORMATS)
  if (typeof cookieName !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(cookieName))
    throw new TypeError(`${where}.cookieName must be a cookie name`)
  if (!Array.isArray(keys) || keys.length === 0) throw new TypeError(`${where}.keys must be the secrets that signed the cookie`)
  const until = acceptUntil instanceof Date || typeof acceptUntil === 'string' ? new Date(acceptUntil).getTime() : acceptUntil
  // One that has passed is left as it is: a site must start the day after as well, and its logouts go on clearing.
  if (!(until <= now + MAX_COOKIE_AGE_MS)) throw new TypeError(`${where}.acceptUntil must be a time, at most 400 days from now`)
  for (const [name, value] of Object.entries({ path, domain }))
    if (value !== undefined && (typeof value !== 'string' || !/^[\x20-\x7e]+$/.test(value) || value.includes(';')))
      throw new TypeError(`${where}.${name} must be a text that an attribute of a cookie can have`)
  return { format, cookieName, keys: keys.map((key, place) => peerKey(key, `${where}.keys[${place}]`)), acceptUntil: until, path, domain }
}

/** What ends its two cookies, the value's first. A prefix of the name demands Secure, also here. */
function endingsOf({ cookieName, path, domain }: Reader): string[] {
  const secure = /^__(host|secure)-/i.test(cookieName) ? '; Secure' : ''
  const attributes = `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}${secure}; Expires=${new Date(0).toUTCString()}; Max-Age=0`
  return [cookieName, `${cookieName}.sig`].map(name => `${name}=${attributes}`)
}

function linesOf(headers: ResponseHeaders): string[] {
  const lines = headers.get('Set-Cookie')
  return lines === undefined ? [] : [lines].flat().map(String)
}

function userDataOf(wire: Data): Data {
  const data: Data = {}
  for (const key of Object.keys(wire)) if (!BOOKKEEPING.has(key)) put(data, key, wire[key])
  return data
}
