import { SessionKeysError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe.ts'
import { type Duration, durationMs, mustBeFunction, mustBeKnown } from '../core/options.ts'
import { copied, type KeyInput, sameKeys } from './key-list.ts'
import { Keyring, type KeySource } from './keyring.ts'

/** Keys that come from elsewhere: a secret manager, a mounted file. They are loaded once before the first session is opened. */
export interface KeyProvider {
  /**
   * Gives the list, newest first. What it throws leaves the keys as they are; so does a list that cannot be used, but for what it
   * revokes: where that is all there is, no session is read or written until a better list comes.
   */
  load: () => PromiseLike<readonly KeyInput[]> | readonly KeyInput[]
  /** How often it is asked again, in the background. Default 5 minutes. A revoked key goes on reading for so long at most. */
  refreshEvery?: Duration | undefined
  /** How long an answer may take. Default 5 seconds. */
  timeout?: Duration | undefined
}

export interface ProviderTools {
  /** A timer that keeps no process alive. It gives what calls it off. */
  after(ms: number, fire: () => void): () => void
  /** Told when the keys could not be loaded anew. The old ones stay in use, unless they are revoked. */
  failed(error: unknown): void
}

const OPTIONS = ['load', 'refreshEvery', 'timeout'] as const satisfies ReadonlyArray<keyof KeyProvider>

/** The keys of a provider: awaited once, then refreshed in the background, without a restart and without a gap. */
export class ProvidedKeys implements KeySource {
  readonly #provider: KeyProvider
  readonly #missing: string
  readonly #tools: ProviderTools
  readonly #accept: (ring: Keyring) => void
  readonly #refreshMs: number
  readonly #timeoutMs: number
  #ring: Keyring | undefined
  #made: readonly KeyInput[] = []
  #loading: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #closed = false

  constructor(provider: KeyProvider, missing: string, tools: ProviderTools, accept: (ring: Keyring) => void) {
    mustBeKnown('keys', provider, OPTIONS)
    if (provider.load === undefined) throw new TypeError('keys.load must be a function')
    mustBeFunction('keys.load', provider.load)
    this.#provider = provider
    this.#missing = missing
    this.#tools = tools
    this.#accept = accept
    this.#refreshMs = durationMs('keys.refreshEvery', provider.refreshEvery ?? '5m')
    this.#timeoutMs = durationMs('keys.timeout', provider.timeout ?? '5s')
  }

  get ready(): boolean {
    return this.#ring !== undefined
  }

  prepare(): MaybePromise<void> {
    return this.#ring ? undefined : this.#load()
  }

  ring(): Keyring {
    if (this.#ring) return this.#ring
    throw new SessionKeysError('keys: they have not been loaded yet; put the session middleware before what uses sessions')
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** One load at a time: requests that come meanwhile wait for the same one. */
  #load(): Promise<void> {
    this.#loading ??= this.#ask().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #ask(): Promise<void> {
    let inputs: readonly KeyInput[] | undefined
    try {
      inputs = await this.#inTime()
      this.#take(inputs)
    } catch (cause) {
      if (!this.#ring) throw new SessionKeysError('keys: they could not be loaded', { cause })
      // The list that comes next counts whole, be it the one of before.
      if (this.#ring.heed(inputs)) this.#made = []
      this.#tools.failed(cause)
    }
    this.#again()
  }

  #take(inputs: readonly KeyInput[]): void {
    if (!Array.isArray(inputs) || inputs.length === 0) throw new SessionKeysError(this.#missing)
    // The same secrets keep their ring, and with it the keys that were derived.
    if (this.#ring && sameKeys(inputs, this.#made)) return
    const ring = new Keyring(inputs)
    this.#accept(ring)
    this.#ring = ring
    this.#made = copied(inputs)
  }

  /** A provider that never answers must not hold up the first request for ever, nor stop all later reloads. */
  #inTime(): Promise<readonly KeyInput[]> {
    return new Promise((resolve, reject) => {
      const late = this.#tools.after(this.#timeoutMs, () => reject(new Error(`keys.load did not answer within ${this.#timeoutMs} ms`)))
      Promise.resolve()
        .then(() => this.#provider.load())
        .then(resolve, reject)
        .finally(late)
    })
  }

  #again(): void {
    if (!this.#closed) this.#cancel = this.#tools.after(this.#refreshMs, () => void this.#load())
  }
}
