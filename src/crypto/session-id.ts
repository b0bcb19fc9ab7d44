import { createHmac, hash } from 'node:crypto'
import { randomText as random } from './random.ts'

const PARTITION_LENGTH = 3
const PARTITION = /^[A-Za-z0-9_-]{3}\./

/** A native id: `<partition>.<secret>`, 18 bits and 256 random ones (OWASP asks for 64, ASVS 7.2.3 for 128). */
export function newId(partition: string = random(3, 'base64url').slice(0, PARTITION_LENGTH)): string {
  return `${partition}.${random(32, 'base64url')}`
}

/** The partition of a native id. An id of another form (`genid`, or a client's invention) has none. */
export function partitionOf(id: string): string {
  return PARTITION.test(id) ? id.slice(0, PARTITION_LENGTH) : ''
}

/** An id for a peer's store: 128 random bits in the 8-4-4-4-12 form that `uuid` columns and patterns take. */
export function newUuid(): string {
  const hex = random(16, 'hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** 96 random bits, chosen for each write. */
export function newVersion(): string {
  return random(12, 'base64url')
}

/** In one call: half of what `createHash` costs. */
function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** What a store sees of an id: its partition, and base64url SHA-256 of scope, NUL and id. A stolen database is not a login. */
export function keyOf(scope: string, id: string): string {
  const partition = partitionOf(id)
  const hashed = sha256(`${scope}\0${id}`)
  return partition === '' ? hashed : `${partition}.${hashed}`
}

/** What a store's index sees of a user: names that differ in case, accents or blanks are different users. */
export function userKeyOf(scope: string, userId: string): string {
  return sha256(`${scope}\0user\0${userId}`)
}

/**
 * The name of a record that is no session: what it is for, and of whom. It begins with a NUL, and what sessions and users are hashed
 * from begins with a scope, which is never empty: no id and no user can be called so that they meet it.
 */
export function ownKeyOf(purpose: string, scope: string, subject: string): string {
  return sha256(`\0${purpose}\0${scope}\0${subject}`)
}

/** What a store sees of a session at an identity provider. */
export function idpKeyOf(scope: string, iss: string, sid: string): string {
  return ownKeyOf('idp', scope, JSON.stringify([iss, sid]))
}

/** What a session in its cookie is known by: 128 random bits. */
export function newSid(): string {
  return random(16, 'base64url')
}

const TAKEN = 'taken.'

/**
 * What a session is known by that was taken over from another library's cookie: each takeover of one cookie has the same, so that the
 * end of one is the end of all, and of the cookie. Its signature is of one form, and a name holds no NUL: no two cookies meet.
 */
export function takenSid(cookieName: string, value: string, signature: string): string {
  return `${TAKEN}${ownKeyOf('taken', cookieName, `${value}\0${signature}`)}`
}

export function isTakenSid(sid: string): boolean {
  return sid.startsWith(TAKEN)
}

/** Names sessions in events without telling their ids: 64 bits of an HMAC under a key of this process. */
export function createRefs(): (id: string) => string {
  const key = random(32, 'base64url')
  return id => createHmac('sha256', key).update(id).digest().toString('base64url', 0, 8)
}

/** An id for an express-session store: 192 random bits, 32 letters of base64url, as its own ids are. */
export function newUid(): string {
  return random(24, 'base64url')
}
