import { createHmac } from 'node:crypto'
import { randomText } from './random.ts'

/** What a login is called in its record, for as long as its session lives: 128 random bits. */
export function newLoginName(): string {
  return randomText(16, 'base64url')
}

const OCTETS = 16
const HANDLE = /^[A-Za-z0-9_-]{22}$/

/**
 * The public name of one of a user's sessions: 128 bits of an HMAC over scope and user, under the random name of its login, which never
 * leaves the store. It tells nothing of an id or a key, and another user's is another one.
 */
export function handleOf(scope: string, userId: string, secret: string): string {
  return createHmac('sha256', secret).update(`\0handle\0${scope}\0${userId}`).digest().toString('base64url', 0, OCTETS)
}

export function isHandle(value: unknown): value is string {
  return typeof value === 'string' && HANDLE.test(value)
}
