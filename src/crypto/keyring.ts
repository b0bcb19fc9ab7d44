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
  readonly #byId = new Map<string, Key>()
  /** Ids of keys that have been revoked since. */
  readonly #revoked = new Set<string>()
  #readers: readonly Key[] = []

  constructor(inputs: readonly KeyInput[]) {
    const keys = inputs.map((input, place) => new Key(input, `keys[${place}]`))
    // A secret that is listed twice is revoked if one of its entries says so.
    for (const key of keys) if (key.revoked || !this.#byId.has(key.id)) this.#byId.set(key.id, key)
    this.#sift()
    if (this.#readers.length === 0) throw new SessionKeysError('keys: at least one key that is not revoked is needed, newest first')
  }

  get newest(): Key {
    const newest = this.#readers[0]
    if (!newest) throw new SessionKeysError('keys: all of them have been revoked, and no other one has come')
    return newest
  }

  /** All that are not revoked, newest first. */
  get readers(): readonly Key[] {
    return this.#readers
  }

  #sift(): void {
    this.#readers = [...this.#byId.values()].filter(key => !this.#isRevoked(key))
  }

  /** Revokes what a list revokes that is of no use otherwise; whether it does. What cannot be read of it says nothing. */
  heed(inputs: unknown): boolean {
    const ids = Array.isArray(inputs) ? inputs.flatMap(input => revokedBy(input) ?? []) : []
    for (const id of ids) this.#revoked.add(id)
    this.#sift()
    return ids.length > 0
  }

  /** Whether a secret of this id is in it, revoked or not. */
  has(id: string): boolean {
    return this.#byId.has(id)
  }

  /** The key that may read a token written under `id` whose line of re-issues began under `origin`. */
  reader(id: string, origin: string): Key | undefined {
    const key = this.#byId.get(id)
    const first = this.#byId.get(origin)
    return key === undefined || this.#isRevoked(key) || (first && this.#isRevoked(first)) ? undefined : key
  }

  #isRevoked({ id, revoked }: Key): boolean {
    return revoked || this.#revoked.has(id)
  }
}

function revokedBy(input: KeyInput): string | undefined {
  try {
    const { id, revoked } = new Key(input)
    return revoked ? id : undefined
  } catch {
    return undefined
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
