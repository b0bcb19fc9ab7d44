import { SessionKeysError } from '../core/errors.ts'
import { isPromise } from '../core/maybe.ts'
import { copied, type KeyInput, sameKeys } from './key-list.ts'
import { Keyring, type KeySource } from './keyring.ts'
import { type KeyProvider, ProvidedKeys, type ProviderTools } from './provided-keys.ts'

/**
 * The keys of a site, newest first; or a function that is asked when a key is needed and answers at once; or a provider
 * that needs time.
 */
export type KeysOption = readonly KeyInput[] | (() => readonly KeyInput[] | undefined) | KeyProvider

/** `missing` is what the site is told where a function gives no key. `accept` may refuse a ring, by throwing. */
export function keySource(
  keys: KeysOption,
  missing: string,
  tools: ProviderTools,
  accept: (ring: Keyring) => void = () => undefined,
): KeySource {
  if (isProvider(keys)) return new ProvidedKeys(keys, missing, tools, accept)
  const ring = typeof keys === 'function' ? askedEachTime(keys, missing, accept) : fixed(keys, accept)
  return { ready: true, prepare: () => undefined, ring, close: () => undefined }
}

export function isProvider(keys: KeysOption): keys is KeyProvider {
  return typeof keys === 'object' && keys !== null && 'load' in keys
}

function fixed(keys: readonly KeyInput[], accept: (ring: Keyring) => void): () => Keyring {
  const ring = new Keyring(keys)
  accept(ring)
  return () => ring
}

/** A ring is made when it is first needed, and anew when the list has changed. */
function askedEachTime(keys: () => readonly KeyInput[] | undefined, missing: string, accept: (ring: Keyring) => void): () => Keyring {
  let ring: Keyring | undefined
  let made: readonly KeyInput[] = []
  return () => {
    const now = keys()
    if (isPromise(now)) {
      ;(now as Promise<unknown>).then(undefined, () => undefined)
      throw new SessionKeysError('keys: the function returned a promise; give keys: { load: async () => […] } instead')
    }
    if (!now || now.length === 0) throw new SessionKeysError(missing)
    if (!ring || !sameKeys(now, made)) {
      const next = new Keyring(now)
      accept(next)
      ring = next
      made = copied(now)
    }
    return ring
  }
}
