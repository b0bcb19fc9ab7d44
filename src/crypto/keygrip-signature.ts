import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
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

/** The key that has signed `name=value` as the keygrip package does (base64url HMAC-SHA-1), unless it is revoked. */
export function keygripSigner(name: string, value: string, signature: string, keys: readonly PeerKey[]): PeerKey | undefined {
  const given = Buffer.from(signature, 'latin1')
  const signer = keys.find(({ secret }) => {
    const mac = Buffer.from(createHmac('sha1', secret).update(`${name}=${value}`).digest('base64url'), 'latin1')
    return mac.length === given.length && timingSafeEqual(mac, given)
  })
  return signer?.revoked ? undefined : signer
}
