import { SessionDataError } from './errors.ts'

const MAX_USER_ID_OCTETS = 255
/** What some database could not keep as it is: NUL, and surrogates without their other half. */
const ODD = /[\0\p{Surrogate}]/u
const octets = new TextEncoder()

/** A user id as stores can keep it, or a clear refusal. */
export function checkUserId(value: unknown): string {
  if (typeof value === 'string' && value !== '' && octets.encode(value).length <= MAX_USER_ID_OCTETS && !ODD.test(value)) return value
  throw new SessionDataError(
    `a user id must be a text of 1 to ${MAX_USER_ID_OCTETS} octets without NUL or half characters; of a number, give String(…)`,
  )
}
