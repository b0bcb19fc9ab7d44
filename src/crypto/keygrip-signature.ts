import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { hmac } from './hmac.ts'
import { checkMarks, type KeyInput, octetsOf, partsOf } from './key-list.ts'
import { idOfSecret } from './keyring.ts'

/** A peer's secret: of any length but none, since it was chosen for the peer. */
export interface PeerKey {
  /** Named like Holdfast's own keys, so that a secret which is used for both is noticed. */
  readonly id: string
  readonly revoked: boolean
  readonly secret: KeyObject
}

export function peerKey(input: KeyInput, option: string): PeerKey {
  checkMarks(input, option)
  const { secret, revoked } = partsOf(input)
  if ((typeof secret !== 'string' && !(secret instanceof Uint8Array)) || secret.length === 0) throw new TypeError(`${option} is no secret`)
  const key = createSecretKey(octetsOf(secret))
  return { id: idOfSecret(key), revoked, secret: key }
}

/** The signature of `name=value` as the keygrip package makes it: HMAC-SHA-1 in base64url. */
export function keygripSign(name: string, value: string, secret: KeyObject): string {
  return hmac('sha1', secret, `${name}=${value}`, 'base64url')
}

const SIGNATURE = 27
const made = Buffer.alloc(SIGNATURE)
const given = Buffer.alloc(SIGNATURE)

/** Whether this key has signed it. Compared in time that says nothing: keygrip's own way takes two more HMACs and random octets. */
export function keygripVerify(name: string, value: string, signature: string, secret: KeyObject): boolean {
  if (signature.length !== SIGNATURE) return false
  made.write(keygripSign(name, value, secret))
  if (given.write(signature) !== SIGNATURE) return false
  return timingSafeEqual(made, given)
}

/** The key that has signed `name=value`, unless it is revoked. */
export function keygripSigner(name: string, value: string, signature: string, keys: readonly PeerKey[]): PeerKey | undefined {
  const signer = keys.find(({ secret }) => keygripVerify(name, value, signature, secret))
  return signer?.revoked ? undefined : signer
}
