import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { SessionKeysError } from '../core/errors.ts'

/** A secret of at least 32 octets, alone or with marks. */
export type KeyInput = string | Uint8Array | { secret: string | Uint8Array; revoked?: boolean }

/** The keys of a site, newest first; or a function that is asked when a key is needed. */
export type KeysOption = readonly KeyInput[] | (() => readonly KeyInput[] | undefined)

/** Octets that a secret must have (NIST SP 800-107: a key as long as the hash). */
const MIN_SECRET_OCTETS = 32
const ID_OCTETS = 6

function partsOf(input: KeyInput): { secret: string | Uint8Array; revoked: boolean } {
  const marked = typeof input === 'object' && input !== null && 'secret' in input
  return marked ? { secret: input.secret, revoked: input.revoked === true } : { secret: input, revoked: false }
}

/** One secret. Its `id` tells nothing about it and travels in tokens, so that no key is tried in vain. */
export class Key {
  readonly id: string
  readonly revoked: boolean
  readonly #secret: KeyObject

  constructor(input: KeyInput, option = 'keys') {
    const { secret, revoked } = partsOf(input)
    if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
      throw new TypeError(
        `${option} is no secret: give a string or octets, at least ${MIN_SECRET_OCTETS} (is its environment variable set?)`,
      )
    }
    const octets = octetsOf(secret)
    if (octets.length < MIN_SECRET_OCTETS) {
      throw new TypeError(
        `${option}: a secret needs at least ${MIN_SECRET_OCTETS} octets, this one has ${octets.length}; make one with: node -p "crypto.randomBytes(32).toString('base64url')"`,
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
    const keys = inputs.map((input, place) => new Key(input, `keys[${place}]`))
    // A secret that is listed twice is revoked if one of its entries says so.
    for (const key of keys) if (key.revoked || !this.#byId.has(key.id)) this.#byId.set(key.id, key)
    const newest = keys.map(key => this.#byId.get(key.id)).find(key => key?.revoked === false)
    if (!newest) throw new SessionKeysError('keys: at least one key that is not revoked is needed, newest first')
    this.newest = newest
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
    if (!ring || now.length !== made.length || !now.every((key, i) => sameKey(key, made[i]))) {
      ring = new Keyring(now)
      made = [...now]
    }
    return ring
  }
}

/** A provider may build its list anew each time: the same secrets need no new ring. */
function sameKey(a: KeyInput, b: KeyInput | undefined): boolean {
  if (a === b) return true
  if (b === undefined) return false
  const left = partsOf(a)
  const right = partsOf(b)
  return left.revoked === right.revoked && left.secret !== undefined && Buffer.compare(octetsOf(left.secret), octetsOf(right.secret)) === 0
}

function octetsOf(secret: string | Uint8Array): Uint8Array {
  return typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret
}
