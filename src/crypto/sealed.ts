import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { Decoded, TokenCodec } from '../core/backend.ts'
import type { Key, Keyring } from './keyring.ts'

const VERSION = 1
const HOUR_MS = 3_600_000
const KEY_ID = 1
const ORIGIN = 7
const HOUR = 13
const NONCE = 17
const BODY = 29
const TAG_OCTETS = 16
const MAX_TOKEN = 5 * 4096
const MAX_CACHED_KEYS = 1000

export interface SealedOptions {
  /** The cookie's name: a token of one cookie is nothing in another. */
  scope: string
  /** The longest life of a token in ms; an older one is refused before any key is derived. */
  longestLifeMs: number
  now: () => number
}

/**
 * Encrypted tokens (AES-256-GCM): version 1, key id 6, origin 6, hour of issue 4, nonce 12, ciphertext, tag 16; base64url.
 * Each hour of issue has its own derived key, so that random nonces never come near their limit of 2^32 messages a key
 * (NIST SP 800-38D, 8.3). The whole header and the scope are associated data.
 */
export class SealedCodec implements TokenCodec {
  readonly #keyring: () => Keyring
  readonly #options: SealedOptions
  readonly #derived = new Map<string, KeyObject>()

  constructor(keyring: () => Keyring, options: SealedOptions) {
    this.#keyring = keyring
    this.#options = options
  }

  ready(): void {
    this.#keyring()
  }

  encode(value: string, origin: string | undefined): string {
    const key = this.#keyring().newest
    const hour = Math.floor(this.#options.now() / HOUR_MS)
    const header = Buffer.alloc(BODY)
    header.writeUInt8(VERSION, 0)
    header.write(key.id, KEY_ID, 'base64url')
    header.write(origin ?? key.id, ORIGIN, 'base64url')
    header.writeUInt32BE(hour, HOUR)
    randomBytes(BODY - NONCE).copy(header, NONCE)
    const derived = this.#keep(key, hour, this.#derive(key, hour))
    const cipher = createCipheriv('aes-256-gcm', derived, header.subarray(NONCE), { authTagLength: TAG_OCTETS })
    cipher.setAAD(this.#associated(header))
    return Buffer.concat([header, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
  }

  decode(token: string): Decoded | null {
    if (token.length > MAX_TOKEN) return null
    const octets = Buffer.from(token, 'base64url')
    if (octets.length < BODY + TAG_OCTETS || octets.toString('base64url') !== token || octets[0] !== VERSION) return null
    const keyring = this.#keyring()
    const origin = octets.toString('base64url', ORIGIN, HOUR)
    const key = keyring.reader(octets.toString('base64url', KEY_ID, ORIGIN), origin)
    const hour = octets.readUInt32BE(HOUR)
    if (!key || !this.#plausible(hour)) return null
    const derived = this.#derive(key, hour)
    const decipher = createDecipheriv('aes-256-gcm', derived, octets.subarray(NONCE, BODY), { authTagLength: TAG_OCTETS })
    decipher.setAAD(this.#associated(octets.subarray(0, BODY)))
    decipher.setAuthTag(octets.subarray(octets.length - TAG_OCTETS))
    try {
      const value = Buffer.concat([decipher.update(octets.subarray(BODY, octets.length - TAG_OCTETS)), decipher.final()]).toString('utf8')
      this.#keep(key, hour, derived)
      return { value, origin, stale: key !== keyring.newest }
    } catch {
      return null
    }
  }

  #plausible(hour: number): boolean {
    const { longestLifeMs, now } = this.#options
    const issued = hour * HOUR_MS
    return issued <= now() + HOUR_MS && issued >= now() - longestLifeMs - 2 * HOUR_MS
  }

  #associated(header: Buffer): Buffer {
    return Buffer.concat([header, Buffer.from(this.#options.scope, 'utf8')])
  }

  #derive(key: Key, hour: number): KeyObject {
    return this.#derived.get(`${key.id}${hour}`) ?? key.derive(`sealed/${hour}/${this.#options.scope}`)
  }

  /** Only after a successful open: forged hours must not fill the cache. */
  #keep(key: Key, hour: number, derived: KeyObject): KeyObject {
    const name = `${key.id}${hour}`
    if (!this.#derived.has(name)) {
      if (this.#derived.size >= MAX_CACHED_KEYS) this.#derived.clear()
      this.#derived.set(name, derived)
    }
    return derived
  }
}
