import { createHmac, type KeyObject } from 'node:crypto'
import type { Key, Keyring } from './keyring.ts'
import { partitionOf } from './session-id.ts'

/** Which id follows a rotated one. Only who has the site's keys can tell: nothing of it is stored, and an old id alone leads nowhere. */
export interface Succession {
  /** The id that takes this one's place. Two requests that rotate at once make the same one. */
  next(id: string): string
  /** All that may have: one for each key that still reads. */
  candidates(id: string): string[]
}

export function createSuccession(keyring: () => Keyring, scope: string): Succession {
  const derived = new WeakMap<Key, KeyObject>()
  const keyOf = (key: Key): KeyObject => {
    const known = derived.get(key) ?? key.derive(`rotate/${scope}`)
    derived.set(key, known)
    return known
  }
  const after = (key: Key, id: string): string => `${partitionOf(id)}.${createHmac('sha256', keyOf(key)).update(id).digest('base64url')}`
  return {
    next: id => after(keyring().newest, id),
    candidates: id => keyring().readers.map(key => after(key, id)),
  }
}
