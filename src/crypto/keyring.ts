import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { SessionKeysError } from '../core/errors.ts'

/** A secret of at least 32 octets, alone or with marks. */
export type KeyInput = string | Uint8Array | { secret: string | Uint8Array; revoked?: boolean }

/** The keys of a site, newest first; or a function that is asked when a key is needed. */
export type KeysOption = readonly KeyInput[] | (() => readonly KeyInput[] | undefined)

/** Octets that a secret must have (NIST SP 800-107: a key as long as the hash). */
const MIN_SECRET_OCTETS = 32
const ID_OCTETS = 6

/** One secret. Its `id` tells nothing about it and travels in tokens, so that no key is tried in vain. */
export class Key {
  readonly id: string
  readonly revoked: boolean
  readonly #secret: KeyObject

  constructor(input: KeyInput) {
    const { secret, revoked = false } = typeof input === 'object' && 'secret' in input ? input : { secret: input }
    const octets = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : Buffer.from(secret)
    if (octets.length < MIN_SECRET_OCTETS) {
      throw new TypeError(
        `keys: a secret needs at least ${MIN_SECRET_OCTETS} octets, this one has ${octets.length}; make one with: node -p "crypto.randomBytes(32).toString('base64url')"`,
      )
    }
    this.#secret = createSecretKey(octets)
    this.revoked = revoked
    this.id = Buffer.from(hkdfSync('sha256', this.#secret, '', 'holdfast/v1/key-id', ID_OCTETS)).toString('base64url')
  }

  /** A key for one purpose only (RFC 5869). */
  derive(info: string): KeyObject {
    return createSecretKey(Buffer.from(hkdfSync('sha256', this.#secret, '', `holdfast/v1/${info}`, 32)))
  }
}

/** The newest key writes, all that are not revoked read. */
export class Keyring {
  readonly newest: Key
  readonly #byId = new Map<string, Key>()

  constructor(inputs: readonly KeyInput[]) {
    const keys = inputs.map(input => new Key(input))
    const newest = keys.find(key => !key.revoked)
    if (!newest) throw new SessionKeysError('keys: at least one key that is not revoked is needed, newest first')
    this.newest = newest
    for (const key of keys) if (!this.#byId.has(key.id)) this.#byId.set(key.id, key)
  }

  /** The key that may read a token written under `id` whose line of re-issues began under `origin`. */
  reader(id: string, origin: string): Key | undefined {
    const key = this.#byId.get(id)
    return key === undefined || key.revoked || this.#byId.get(origin)?.revoked ? undefined : key
  }
}

/** The ring of the keys that are set now: made when first needed, and anew when their list has changed. */
export function keyringOf(keys: KeysOption, missing: string): () => Keyring {
  if (typeof keys !== 'function') {
    const ring = new Keyring(keys)
    return () => ring
  }
  let ring: Keyring | undefined
  let made: readonly KeyInput[] = []
  return () => {
    const now = keys()
    if (!now || now.length === 0) throw new SessionKeysError(missing)
    if (!ring || now.length !== made.length || now.some((key, i) => key !== made[i])) {
      ring = new Keyring(now)
      made = [...now]
    }
    return ring
  }
}
