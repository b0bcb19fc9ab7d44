import { type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Decoded, Lineage, TokenCodec } from '../core/backend.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { hmac } from './hmac.ts'
import type { Key, KeySource } from './keyring.ts'

const TOKEN = /^(.+)\.([\w-]{8})\.([\w-]{8})\.([1-9]\d{0,9}|0)\.([\w-]{43})$/
const MAX_TOKEN = 4096
/** How far two servers' clocks may be apart. */
const SKEW_MS = 60_000

export interface SignedOptions {
  /** The cookie's name: a token of one cookie is nothing in another. */
  scope: string
  /** Refuses what began before this time (ms since the epoch), however often it was re-issued. */
  rejectIssuedBefore?: (() => number | undefined) | undefined
  now: () => number
}

/**
 * Signed tokens: `<value>.<key id>.<origin>.<bornAt>.<HMAC-SHA-256>`; ids and HMAC in base64url, bornAt in seconds since the
 * epoch. The signature binds the scope, so that a token of one cookie is nothing in another, and the line of re-issues: its
 * first key, so that a revoked key also ends what was re-issued from it, and its beginning, for `rejectIssuedBefore`.
 */
export class SignedCodec implements TokenCodec {
  readonly #keys: KeySource
  readonly #options: SignedOptions
  readonly #info: string
  readonly #derived = new WeakMap<Key, KeyObject>()

  constructor(keys: KeySource, options: SignedOptions) {
    this.#keys = keys
    this.#options = options
    this.#info = `signed/2/${options.scope}`
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

  encode(value: string, line: Lineage | undefined): string {
    const key = this.#keys.ring().newest
    const bornAt = Math.floor((line?.bornAt ?? this.#options.now()) / 1000)
    const body = `${value}.${key.id}.${line?.origin ?? key.id}.${bornAt}`
    return `${body}.${this.#mac(key, body)}`
  }

  decode(token: string): Decoded | null {
    const match = token.length <= MAX_TOKEN ? TOKEN.exec(token) : null
    if (!match) return null
    const [, value, id, origin, born, mac] = match as unknown as [string, string, string, string, string, string]
    const bornAt = Number(born) * 1000
    if (!this.#mayHaveBegun(bornAt)) return null
    const ring = this.#keys.ring()
    const key = ring.reader(id, origin)
    if (!key) return null
    const body = token.slice(0, -mac.length - 1)
    if (!same(this.#mac(key, body), mac)) return null
    return { value, line: { origin, bornAt }, stale: key !== ring.newest }
  }

  /**
   * A time to come is a way past `rejectIssuedBefore`, and matters nowhere else: whether the session lives is the store's to say, and a
   * server whose clock is late must not end the logins of the others (H11).
   */
  #mayHaveBegun(bornAt: number): boolean {
    const { now, rejectIssuedBefore } = this.#options
    const limit = rejectIssuedBefore?.()
    return limit === undefined || (bornAt >= limit && bornAt <= now() + SKEW_MS)
  }

  #mac(key: Key, body: string): string {
    let derived = this.#derived.get(key)
    if (!derived) {
      derived = key.derive(this.#info)
      this.#derived.set(key, derived)
    }
    return hmac('sha256', derived, body, 'base64url')
  }
}

const MAC = 43
const made = Buffer.alloc(MAC)
const given = Buffer.alloc(MAC)

/** In time that says nothing. The text of the signature is compared: of an HMAC there is one. */
function same(mac: string, text: string): boolean {
  made.write(mac, 'latin1')
  // What came has this length, and letters of base64url, by its pattern.
  given.write(text, 'latin1')
  return timingSafeEqual(made, given)
}
