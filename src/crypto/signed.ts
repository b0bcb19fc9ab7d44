import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Decoded, TokenCodec } from '../core/backend.ts'
import type { Key, Keyring } from './keyring.ts'

const TOKEN = /^(.+)\.([\w-]{8})\.([\w-]{8})\.([\w-]{43})$/
const MAX_TOKEN = 4096

/**
 * Signed tokens: `<value>.<key id>.<origin>.<HMAC-SHA-256>`, all base64url. The signature binds the scope, so that a token
 * of one cookie is nothing in another, and the origin, so that a revoked key also ends what was re-issued from it.
 */
export class SignedCodec implements TokenCodec {
  readonly #keyring: () => Keyring
  readonly #info: string
  readonly #keys = new WeakMap<Key, KeyObject>()

  constructor(keyring: () => Keyring, scope: string) {
    this.#keyring = keyring
    this.#info = `signed/${scope}`
  }

  ready(): void {
    this.#keyring()
  }

  encode(value: string, origin: string | undefined): string {
    const key = this.#keyring().newest
    const body = `${value}.${key.id}.${origin ?? key.id}`
    return `${body}.${this.#mac(key, body).toString('base64url')}`
  }

  decode(token: string): Decoded | null {
    const match = token.length <= MAX_TOKEN ? TOKEN.exec(token) : null
    if (!match) return null
    const [, value, id, origin, mac] = match as unknown as [string, string, string, string, string]
    const keyring = this.#keyring()
    const key = keyring.reader(id, origin)
    if (!key) return null
    const given = Buffer.from(mac, 'base64url')
    if (given.toString('base64url') !== mac || !timingSafeEqual(given, this.#mac(key, `${value}.${id}.${origin}`))) return null
    return { value, origin, stale: key !== keyring.newest }
  }

  #mac(key: Key, body: string): Buffer {
    let derived = this.#keys.get(key)
    if (!derived) {
      derived = key.derive(this.#info)
      this.#keys.set(key, derived)
    }
    return createHmac('sha256', derived).update(body).digest()
  }
}
