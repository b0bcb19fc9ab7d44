import { nativeFormat } from '../../backends/native-format.ts'
import { unsignValue } from '../../crypto/cookie-signature.ts'
import { HOUR_MS, octetsOfToken, readHeader } from '../../crypto/envelope.ts'
import { keygripSigner, peerKey } from '../../crypto/keygrip-signature.ts'
import { Keyring, type KeySource } from '../../crypto/keyring.ts'
import { SealedCodec } from '../../crypto/sealed.ts'
import { SignedCodec } from '../../crypto/signed.ts'
import { CommandError } from '../command.ts'
import type { GivenCookie } from './cookie.ts'
import { ABOUT, type CookieReport, type Format } from './report.ts'

export interface InspectOptions {
  /** The scope of the site: the cookie's name unless it has set another. */
  scope: string
  /** Secrets, newest first; none: nothing is opened. */
  keys: readonly string[]
  /** Whether data are shown. */
  data: boolean
  now: number
}

type Found = Omit<CookieReport, 'about' | 'octets'>

const SIGNED = /^.+\.([\w-]{8})\.([\w-]{8})\.([1-9]\d{0,9}|0)\.[\w-]{43}$/

/** Which format a cookie is of, and what can be known of it. */
export function inspectCookie(cookie: GivenCookie, options: InspectOptions): CookieReport {
  const { name, value } = cookie
  const { format, ...found } = sealed(value, options) ?? signed(value, options) ?? express(value, options) ?? koa(cookie, options)
  const report: CookieReport = { format, about: ABOUT[format], octets: Buffer.byteLength(value), ...found }
  if (name !== undefined) report.name = name
  if (report.expiresAt !== undefined) report.expired = report.expiresAt < options.now
  return report
}

function sealed(value: string, { scope, keys, data }: InspectOptions): Found | undefined {
  const octets = octetsOfToken(value)
  if (!octets) return undefined
  const { keyId, origin, bornAt, hour } = readHeader(octets)
  const found: Found = { format: 'holdfast-sealed', keyId, originKeyId: origin, issuedInHour: hour * HOUR_MS }
  if (bornAt > 0) found.beganAt = bornAt
  if (keys.length === 0) return found
  // As it was read in the hour of its issue: also one that has expired is opened here.
  const now = () => (hour + 1) * HOUR_MS
  const opened = new SealedCodec(sourceOf(keys), { scope, longestLifeMs: Number.POSITIVE_INFINITY, now }).decode(value)
  if (!opened) return { ...found, opens: false }
  const { expiresAt, value: text, stale } = opened
  return { ...found, opens: true, olderKey: stale, ...(expiresAt !== undefined && { expiresAt }), ...(data && contentOf(text)) }
}

function signed(value: string, { scope, keys, now }: InspectOptions): Found | undefined {
  const [, keyId, originKeyId, born] = SIGNED.exec(value) ?? []
  if (keyId === undefined || originKeyId === undefined) return undefined
  const found: Found = { format: 'holdfast-signed', keyId, originKeyId, beganAt: Number(born) * 1000 }
  if (keys.length === 0) return found
  const opened = new SignedCodec(sourceOf(keys), { scope, now: () => now }).decode(value)
  return opened ? { ...found, opens: true, olderKey: opened.stale } : { ...found, opens: false }
}

function express(value: string, { keys }: InspectOptions): Found | undefined {
  if (!/^s:.+\.[A-Za-z0-9+/]{43}$/.test(value)) return undefined
  const opened = keys.length > 0 ? unsignValue(value.slice(2), keys) : undefined
  const verdict = opened ? { opens: true, olderKey: opened.stale } : { opens: false }
  return { format: 'express-session', ...(keys.length > 0 && verdict) }
}

function koa({ name, value, signature }: GivenCookie, { keys, scope, data }: InspectOptions): Found {
  const content = jsonIn(value)
  const format = content ? formatOf(content) : signature === undefined ? 'unknown' : 'koa-session-id'
  const found: Found = { format }
  if (content) {
    const { _expire, _maxAge } = content
    if (typeof _expire === 'number') found.expiresAt = _expire
    if (typeof _expire === 'number' && typeof _maxAge === 'number') found.issuedAt = _expire - _maxAge
    if (data) found.data = content
  }
  if (keys.length === 0 || signature === undefined) return found
  const secrets = keys.map(key => peerKey(key, 'a key'))
  const signer = keygripSigner(name ?? scope, value, signature, secrets)
  return signer ? { ...found, opens: true, olderKey: signer !== secrets[0] } : { ...found, opens: false }
}

const formatOf = (content: object): Format => ('_expire' in content || '_session' in content ? 'koa-session' : 'json')

function jsonIn(value: string): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'))
    return typeof content === 'object' && content !== null && !Array.isArray(content) ? (content as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What was sealed: a session in Holdfast's layout, or in koa-session's. */
function contentOf(text: string): Pick<CookieReport, 'data' | 'userId'> {
  const read = nativeFormat.decode(text, undefined)
  if (!('absent' in read)) {
    const { userId } = read as { userId?: string }
    return { data: (read as { take(): unknown }).take(), ...(userId !== undefined && { userId }) }
  }
  try {
    return { data: JSON.parse(text) }
  } catch {
    return { data: text }
  }
}

function sourceOf(keys: readonly string[]): KeySource {
  let ring: Keyring
  try {
    ring = new Keyring(keys)
  } catch (error) {
    throw new CommandError((error as Error).message)
  }
  return { ready: true, prepare: () => undefined, ring: () => ring, close: () => undefined }
}
