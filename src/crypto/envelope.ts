import { randomInto } from './random.ts'

/**
 * The sealed envelope, version 2, octet by octet; docs/format.md says why. Times are whole seconds since the epoch, all
 * numbers big-endian:
 * `version 1 | key id 6 | origin 6 | bornAt 4 | hour of issue 4 | nonce 12 | ciphertext | tag 16`
 */
export const VERSION = 2
const KEY_ID = 1
const ORIGIN = 7
const BORN_AT = 13
const HOUR = 17
const NONCE = 21
export const BODY = 33
export const TAG_OCTETS = 16
/** Issued at 4, expires at 4, and the mark that ends the text. */
const FRAME_OCTETS = 9
const TEXT = 8
const MARK = 0x80
const MIN_OCTETS = BODY + FRAME_OCTETS + TAG_OCTETS
const MIN_TOKEN = Math.ceil((MIN_OCTETS * 4) / 3)
/** Five cookies of 4,096 octets. */
const MAX_TOKEN = 5 * 4096

export const HOUR_MS = 3_600_000

/** What of an envelope can be read by anybody. All of it is authenticated. */
export interface Header {
  keyId: string
  /** The id of the key under which the line of re-issues began. */
  origin: string
  /** When that was, in ms; 0: not known. */
  bornAt: number
  /** Hours since the epoch. */
  hour: number
}

/** What is sealed beside the text, in ms. */
export interface Times {
  issuedAt: number
  expiresAt: number
}

/** What the longest token holds. */
const ROOM = (MAX_TOKEN * 3) / 4
/**
 * Where an envelope and its plaintext are put together or taken apart, one at a time and without a pause: to allocate them for each takes
 * 3 µs of the 10.5 that a cookie of 200 octets takes to seal. `wipe` takes the plaintext away again.
 */
const outside = Buffer.allocUnsafeSlow(ROOM)
const inside = Buffer.allocUnsafeSlow(ROOM)

const roomIn = (place: Buffer, octets: number): Buffer => (octets > ROOM ? Buffer.allocUnsafeSlow(octets) : place.subarray(0, octets))

/** An envelope of this length with its header, and a fresh nonce in it; the rest is to be written. It is good until the next one. */
export function begin(length: number, { keyId, origin, bornAt, hour }: Header): Buffer {
  const octets = roomIn(outside, length)
  octets[0] = VERSION
  octets.write(keyId, KEY_ID, 'base64url')
  octets.write(origin, ORIGIN, 'base64url')
  octets.writeUInt32BE(secondsOf(bornAt), BORN_AT)
  octets.writeUInt32BE(hour, HOUR)
  randomInto(octets, NONCE, BODY - NONCE)
  return octets
}

export function readHeader(octets: Buffer): Header {
  return {
    keyId: octets.toString('base64url', KEY_ID, ORIGIN),
    origin: octets.toString('base64url', ORIGIN, BORN_AT),
    bornAt: octets.readUInt32BE(BORN_AT) * 1000,
    hour: octets.readUInt32BE(HOUR),
  }
}

export function nonceOf(octets: Buffer): Buffer {
  return octets.subarray(NONCE, BODY)
}

/** The octets of a token, if its length, alphabet, spelling and version are those of an envelope. They are good until the next one. */
export function octetsOfToken(token: string): Buffer | null {
  if (token.length < MIN_TOKEN || token.length > MAX_TOKEN || !looksSealed(token)) return null
  const octets = outside.subarray(0, outside.write(token, 'base64url'))
  // Node skips what is not in the alphabet, and reads the spare bits of the last character: only one spelling is ours.
  return octets.length >= MIN_OCTETS && octets[0] === VERSION && octets.toString('base64url') === token ? octets : null
}

/** Whether it is written as an envelope of this version is: by its first six bits and the two that follow. */
export function looksSealed(token: string): boolean {
  return /^A[g-v]/.test(token)
}

/** How many characters the token of a text has. */
export function tokenLength(text: string, padTo: number): number {
  const framed = Math.ceil((FRAME_OCTETS + Buffer.byteLength(text, 'utf8')) / padTo) * padTo
  return Math.ceil(((BODY + framed + TAG_OCTETS) * 4) / 3)
}

/** The plaintext: the times, the text, a mark, and zeros up to a multiple of `padTo` octets (ISO/IEC 7816-4). To be wiped when it is sealed. */
export function frame(text: string, { issuedAt, expiresAt }: Times, padTo: number): Buffer {
  const needed = FRAME_OCTETS + Buffer.byteLength(text, 'utf8')
  const framed = roomIn(inside, Math.ceil(needed / padTo) * padTo)
  framed.writeUInt32BE(secondsOf(issuedAt), 0)
  // Rounded up, so that the envelope never ends before the session in it.
  framed.writeUInt32BE(secondsOf(expiresAt + 999), 4)
  framed[TEXT + framed.write(text, TEXT, 'utf8')] = MARK
  framed.fill(0, needed)
  return framed
}

/** Plaintext does not stay in memory longer than it must. */
export function wipe(framed: Buffer): void {
  framed.fill(0)
}

export function unframe(framed: Buffer): (Times & { text: string }) | null {
  let end = framed.length - 1
  while (end >= TEXT && framed[end] === 0) end--
  if (end < TEXT || framed[end] !== MARK) return null
  return {
    issuedAt: framed.readUInt32BE(0) * 1000,
    expiresAt: framed.readUInt32BE(4) * 1000,
    text: framed.toString('utf8', TEXT, end),
  }
}

/** What has no end ends in 2106, and what is no number has ended. */
function secondsOf(ms: number): number {
  return ms > 0 ? Math.min(Math.floor(ms / 1000), 0xffff_ffff) : 0
}
