import { type BinaryLike, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** A secret as `createHmac` takes it. */
export type Secret = BinaryLike | KeyObject

/** `value.signature`: the format of the cookie-signature package, octet by octet (base64 HMAC-SHA-256 without padding). */
export function signValue(value: string, secret: Secret): string {
  return `${value}.${macOf(value, secret)}`
}

/** The value of a text that one of these secrets has signed, and whether that was not the first; or undefined. */
export function unsignValue(text: string, secrets: readonly Secret[]): { value: string; stale: boolean } | undefined {
  const value = text.slice(0, text.lastIndexOf('.'))
  const given = Buffer.from(text)
  const signer = secrets.findIndex(secret => same(Buffer.from(signValue(value, secret)), given))
  return signer === -1 ? undefined : { value, stale: signer > 0 }
}

function macOf(value: string, secret: Secret): string {
  return createHmac('sha256', secret).update(value).digest('base64').replace(/=+$/, '')
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
