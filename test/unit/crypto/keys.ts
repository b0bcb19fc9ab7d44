import { keySource } from '../../../src/crypto/key-source.ts'
import type { KeyInput, KeySource } from '../../../src/crypto/keyring.ts'

const noTools = { after: () => () => undefined, failed: () => undefined }

/** A source of keys that do not change, or of what a function answers. */
export function fixedKeys(keys: readonly KeyInput[] | (() => readonly KeyInput[] | undefined), missing = ''): KeySource {
  return keySource(keys, missing, noTools)
}
