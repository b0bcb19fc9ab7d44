import { SessionDataError } from '../core/errors.ts'
import { type Data, put } from '../core/json.ts'
import { escapeText } from '../core/text.ts'

/** express-session's own names: data never hide them. */
const MEMBERS: ReadonlySet<string> = new Set(['cookie', 'id', 'req', 'regenerate', 'destroy', 'reload', 'save', 'touch', 'resetMaxAge'])

/** Puts data on a session; its own names are left out, as express-session does. */
export function fill(session: object, data: object): void {
  for (const key of Object.keys(data)) if (!MEMBERS.has(key)) put(session, key, (data as Data)[key])
}

/** What of a stored object is the user's data. */
export function userDataOf(stored: object): Data {
  const data: Data = {}
  fill(data, stored)
  return data
}

/** What of a session is the user's data. A name of its own cannot be data: it would be gone at the next request. */
export function readData(session: object): Data {
  const data: Data = {}
  for (const key of Object.keys(session)) {
    const value = (session as Data)[key]
    // Left out, and not taken out: an object that has lost a property is a slow one.
    if (key === 'cookie' || typeof value === 'function') continue
    refuseMember(key)
    put(data, key, value)
  }
  return data
}

/** Data under a name of express-session's own would be gone at the next request. */
export function refuseMembers(data: Data): void {
  for (const key of Object.keys(data)) refuseMember(key)
}

function refuseMember(key: string): void {
  if (MEMBERS.has(key))
    throw new SessionDataError(`a session's key "${escapeText(key)}" is a method of express-session's: take another name`)
}
