import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const MASK_OCTETS = 32
const TOKEN = /^[A-Za-z0-9_-]{86}$/

/**
 * A token for forms: mask + mask xor HMAC over what the session is known by. The mask makes each one look different, so that
 * compression tells nothing of it (BREACH). A new id makes all older ones worthless.
 */
export function csrfToken(key: CsrfKey, subject: string): string {
  const mask = randomBytes(MASK_OCTETS)
  return Buffer.concat([mask, xor(mask, macOf(key, subject))]).toString('base64url')
}

/** In constant time. A token that was written another way than `csrfToken` writes it is none. */
export function csrfTokenMatches(keys: readonly CsrfKey[], subject: string, token: string): boolean {
  if (!TOKEN.test(token)) return false
  const octets = Buffer.from(token, 'base64url')
  if (octets.toString('base64url') !== token) return false
  const mac = xor(octets.subarray(0, MASK_OCTETS), octets.subarray(MASK_OCTETS))
  let found = false
  for (const key of keys) if (timingSafeEqual(mac, macOf(key, subject))) found = true
  return found
}

/** A key of this purpose alone: `key.derive('csrf/<scope>')` of the keyring. */
export type CsrfKey = Parameters<typeof createHmac>[1]

function macOf(key: CsrfKey, subject: string): Buffer {
  return createHmac('sha256', key).update(subject).digest()
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((octet, place) => octet ^ (b[place] as number)))
}
