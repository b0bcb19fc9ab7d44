import { type BinaryLike, type KeyObject, timingSafeEqual } from 'node:crypto'
import { hmac } from './hmac.ts'

/** A secret as `createHmac` takes it. */
export type Secret = BinaryLike | KeyObject

/** `value.signature`: the format of the cookie-signature package, octet by octet (base64 HMAC-SHA-256 without padding). */
export function signValue(value: string, secret: Secret): string {
  return `${value}.${macOf(value, secret)}`
}

/** The value of a text that one of these secrets has signed, and whether that was not the first; or undefined. */
export function unsignValue(text: string, secrets: readonly Secret[]): { value: string; stale: boolean } | undefined {
  const dot = text.lastIndexOf('.')
  if (dot === -1) return undefined
  const value = text.slice(0, dot)
  const mac = text.slice(dot + 1)
  const signer = secrets.findIndex(secret => same(macOf(value, secret), mac))
  return signer === -1 ? undefined : { value, stale: signer > 0 }
}

const MAC = 43

function macOf(value: string, secret: Secret): string {
  return hmac('sha256', secret, value, 'base64').slice(0, MAC)
}

const made = Buffer.alloc(MAC)
const given = Buffer.alloc(MAC)

/** In time that says nothing. */
function same(mac: string, text: string): boolean {
  if (text.length !== MAC) return false
  made.write(mac)
  if (given.write(text) !== MAC) return false
  return timingSafeEqual(made, given)
}
