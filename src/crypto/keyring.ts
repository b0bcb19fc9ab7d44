import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { SessionKeysError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { checkMarks, type KeyInput, octetsOf, partsOf } from './key-list.ts'

export type { KeyInput }

/** Octets that a secret must have (NIST SP 800-107: a key as long as the hash). */
const MIN_SECRET_OCTETS = 32
const ID_OCTETS = 6

/** The name of a secret in tokens: 48 bits that tell nothing about it. A peer's short secrets have one as well. */
export function idOfSecret(secret: KeyObject): string {
  return Buffer.from(hkdfSync('sha256', secret, '', 'holdfast/v1/key-id', ID_OCTETS)).toString('base64url')
}

/** One secret. Its `id` travels in tokens, so that no key is tried in vain. */
export class Key {
  readonly id: string
  readonly revoked: boolean
  readonly #secret: KeyObject

  constructor(input: KeyInput, option = 'keys') {
    checkMarks(input, option)
    const { secret, revoked } = partsOf(input)
    if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
      throw new TypeError(
        `${option} is no secret: give a string or octets, at least ${MIN_SECRET_OCTETS} (is its environment variable set?)`,
      )
    }
    const octets = octetsOf(secret)
    if (octets.length < MIN_SECRET_OCTETS) {
      throw new TypeError(
        `${option}: a secret needs at least ${MIN_SECRET_OCTETS} octets, this one has ${octets.length}; make one with: npx holdfast keygen`,
      )
    }
    this.#secret = createSecretKey(octets)
    this.revoked = revoked
    this.id = idOfSecret(this.#secret)
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

  /** All that are not revoked. */
  get readers(): Key[] {
    return [...this.#byId.values()].filter(key => !key.revoked)
  }

  /** Whether a secret of this id is in it, revoked or not. */
  has(id: string): boolean {
    return this.#byId.has(id)
  }

  /** The key that may read a token written under `id` whose line of re-issues began under `origin`. */
  reader(id: string, origin: string): Key | undefined {
    const key = this.#byId.get(id)
    return key === undefined || key.revoked || this.#byId.get(origin)?.revoked ? undefined : key
  }
}

/** Where the codecs get the ring of the keys that are set now. */
export interface KeySource {
  /** False until the first answer of a provider is there: an opening of a session has to wait for `prepare`. */
  readonly ready: boolean
  /** Awaited before the first opening. It rejects with a `SessionKeysError` where no keys can be had, and is tried again next time. */
  prepare(): MaybePromise<void>
  ring(): Keyring
  close(): void
}
