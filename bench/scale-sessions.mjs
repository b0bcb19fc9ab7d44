// The sessions of bench/scale.mjs, each by its number: none has to be remembered.
import { hash } from 'node:crypto'
import { seeds } from './routes.mjs'

const HOUR_MS = 3_600_000
/** Of each block of so many sessions half are of one user, the others of a user each. */
const BLOCK = 20
export const SESSIONS_OF_A_USER = BLOCK / 2

const text = (what, n) => hash('sha256', `${what} ${n}`, 'base64url')
const userIdOf = n => (n % BLOCK < SESSIONS_OF_A_USER ? `u-${n - (n % BLOCK)}` : `u-${n}`)
const userKeyOf = userId => text('user', userId)

/** @param {number} n of a session @returns {string} the key of its user */
export const userOf = n => userKeyOf(userIdOf(n))

/** The number of a session whose user has ten of them, near this one. @param {number} n */
export const busyNear = n => n - (n % BLOCK)

/** @param {number} n */
export const keyOf = n => `${userOf(n).slice(0, 3)}.${text('session', n)}`

/** @param {number} n @param {number} [writes] how often it has been written */
export const versionOf = (n, writes = 0) => text('version', `${n} ${writes}`).slice(0, 16)

/** Without use it lives for three to thirteen hours, in any case for fourteen. */
const idleMsOf = n => 3 * HOUR_MS + (n % 3600) * 10_000
const ABSOLUTE_MS = 14 * HOUR_MS

/** What is written on a use. @param {number} n @param {number} now */
export const timesOf = (n, now) => ({ touchedAt: now, expiresAt: now + idleMsOf(n) })

/**
 * A session as native mode keeps it after a login, with data of about 200 octets.
 * @param {number} n
 * @param {number} begun
 * @param {{ lifeMs?: number, now?: number, writes?: number }} [more] lifeMs: how long it lives in any case; writes: how often it has been written
 */
export function sessionOf(n, begun, { lifeMs, now = begun, writes = 0 } = {}) {
  const userId = userIdOf(n)
  const key = keyOf(n)
  const times = lifeMs === undefined ? timesOf(n, now) : { touchedAt: now, expiresAt: begun + lifeMs }
  return {
    key,
    partition: key.slice(0, 3),
    userKey: userKeyOf(userId),
    userId,
    data: JSON.stringify({ ...seeds['/seed200'](n), count: writes }),
    version: versionOf(n, writes),
    createdAt: begun,
    authenticatedAt: begun,
    ...times,
    idleMs: lifeMs ?? idleMsOf(n),
    absoluteExpiresAt: begun + (lifeMs ?? ABSOLUTE_MS),
    meta: { login: text('login', n).slice(0, 16), device: { label: 'Firefox on Linux', ip: '203.0.113.0' } },
  }
}
