import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Decoded, Lineage, TokenCodec } from '../core/backend.ts'
import type { MaybePromise } from '../core/maybe.ts'
import {
  BODY,
  begin,
  frame,
  type Header,
  HOUR_MS,
  nonceOf,
  octetsOfToken,
  readHeader,
  TAG_OCTETS,
  unframe,
  VERSION,
  wipe,
} from './envelope.ts'
import type { Key, KeySource } from './keyring.ts'

const MAX_CACHED_KEYS = 1000
/** How far two servers' clocks may be apart. */
const SKEW_MS = 60_000
const AUTH = { authTagLength: TAG_OCTETS } as const

/** A key for one hour of issue. */
interface Derived {
  readonly key: Key
  readonly hour: number
  readonly secret: KeyObject
}

export interface SealedOptions {
  /** The cookie's name: a token of one cookie is nothing in another. */
  scope: string
  /** What it is sealed for: a token for one purpose is nothing for another. Lower-case letters and `-`. Default `session`. */
  purpose?: string | undefined
  /** The longest life of a token in ms; an older one is refused before any key is derived. */
  longestLifeMs: number
  /** Pads what is sealed to a multiple of this many octets, so that its length says little. Default 1: not at all. */
  padTo?: number | undefined
  /** Refuses what began before this time (ms since the epoch), however often it was re-issued. Asked at each opening. */
  rejectIssuedBefore?: (() => number | undefined) | undefined
  /** Ids of keys that are revoked and not in the ring: those of a peer's cookies that were read once. */
  revokedOrigins?: ReadonlySet<string> | undefined
  now: () => number
}

/**
 * Encrypted tokens (AES-256-GCM); docs/format.md describes them. Each hour of issue has its own derived key, so that random
 * nonces never come near their limit of 2^32 messages a key (NIST SP 800-38D, 8.3). The whole header, the purpose and the
 * scope are associated data.
 */
export class SealedCodec implements TokenCodec {
  readonly #keys: KeySource
  readonly #options: SealedOptions
  readonly #purpose: string
  /** The associated data: a header, written over each time, and what is always the same. */
  readonly #associated: Buffer
  readonly #derived = new Map<string, Derived>()
  /** The one that was used last. */
  #last: Derived | undefined

  constructor(keys: KeySource, options: SealedOptions) {
    const { purpose = 'session', padTo = 1, scope } = options
    if (!/^[a-z-]+$/.test(purpose)) throw new TypeError('purpose must be lower-case letters and -')
    if (!(Number.isInteger(padTo) && padTo >= 1 && padTo <= 1024)) throw new TypeError('padTo must be a whole number of octets, 1 to 1024')
    this.#keys = keys
    this.#options = options
    this.#purpose = purpose
    // No purpose holds a NUL, so no two pairs of purpose and scope are the same octets.
    this.#associated = Buffer.concat([Buffer.alloc(BODY), Buffer.from(`${purpose}\0${scope}`, 'utf8')])
  }

  get prepared(): boolean {
    return this.#keys.ready
  }

  prepare(): MaybePromise<void> {
    return this.#keys.prepare()
  }

  close(): void {
    this.#keys.close()
  }

  ready(): void {
    void this.#keys.ring().newest
  }

  encode(value: string, line: Lineage | undefined, expiresAt: number): string {
    const key = this.#keys.ring().newest
    const issuedAt = this.#options.now()
    const hour = Math.floor(issuedAt / HOUR_MS)
    const header = { keyId: key.id, origin: line?.origin ?? key.id, bornAt: line?.bornAt ?? issuedAt, hour }
    const framed = frame(value, { issuedAt, expiresAt }, this.#options.padTo ?? 1)
    const end = BODY + framed.length
    const octets = begin(end + TAG_OCTETS, header)
    const derived = this.#derive(key, hour)
    this.#keep(derived)
    const cipher = createCipheriv('aes-256-gcm', derived.secret, nonceOf(octets), AUTH)
    cipher.setAAD(this.#associatedWith(octets))
    octets.set(cipher.update(framed), BODY)
    cipher.final()
    wipe(framed)
    octets.set(cipher.getAuthTag(), end)
    return octets.toString('base64url')
  }

  /** All that can be refused without a key is, before one is derived: a forger must not make the server work. */
  decode(token: string): Decoded | null {
    const octets = octetsOfToken(token)
    if (!octets) return null
    const header = readHeader(octets)
    const now = this.#options.now()
    if (!this.#plausible(header, now)) return null
    const ring = this.#keys.ring()
    const key = ring.reader(header.keyId, header.origin)
    if (!key) return null
    const derived = this.#derive(key, header.hour)
    const framed = this.#open(octets, derived)
    if (!framed) return null
    this.#keep(derived)
    const content = unframe(framed)
    wipe(framed)
    if (!content || content.issuedAt > now + SKEW_MS) return null
    const line = { origin: header.origin, bornAt: header.bornAt }
    return { value: content.text, line, expiresAt: content.expiresAt, stale: key !== ring.newest }
  }

  #open(octets: Buffer, { secret }: Derived): Buffer | null {
    const end = octets.length - TAG_OCTETS
    const decipher = createDecipheriv('aes-256-gcm', secret, nonceOf(octets), AUTH)
    decipher.setAAD(this.#associatedWith(octets))
    decipher.setAuthTag(octets.subarray(end))
    const framed = decipher.update(octets.subarray(BODY, end))
    try {
      decipher.final()
      return framed
    } catch {
      return null
    }
  }

  #plausible({ hour, bornAt, origin }: Header, time: number): boolean {
    const { longestLifeMs, rejectIssuedBefore, revokedOrigins } = this.#options
    const began = hour * HOUR_MS
    // The hour began up to an hour before the issue.
    if (began > time + SKEW_MS || began < time - longestLifeMs - HOUR_MS) return false
    if (bornAt > time + SKEW_MS || !(bornAt >= (rejectIssuedBefore?.() ?? 0))) return false
    return !revokedOrigins?.has(origin)
  }

  /** OpenSSL has read it before the next one is written. */
  #associatedWith(octets: Buffer): Buffer {
    octets.copy(this.#associated, 0, 0, BODY)
    return this.#associated
  }

  #derive(key: Key, hour: number): Derived {
    const last = this.#last
    // After a reload of the keys it may be another object, and another secret.
    if (last?.key === key && last.hour === hour) return last
    const kept = this.#derived.get(`${key.id}${hour}`)
    if (kept?.key === key) return kept
    return { key, hour, secret: key.derive(`sealed/${VERSION}/${this.#purpose}/${hour}/${this.#options.scope}`) }
  }

  /** Only after a successful open: forged hours must not fill the cache. The oldest makes room. */
  #keep(derived: Derived): void {
    if (this.#last === derived) return
    this.#last = derived
    const name = `${derived.key.id}${derived.hour}`
    if (this.#derived.get(name) === derived) return
    for (const oldest of this.#derived.keys()) {
      if (this.#derived.size < MAX_CACHED_KEYS) break
      this.#derived.delete(oldest)
    }
    this.#derived.set(name, derived)
  }
}
