import { randomBytes } from 'node:crypto'

/** A secret for `keys`: 256 random bits, 43 letters of base64url, so that it can be pasted into any file of settings. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
