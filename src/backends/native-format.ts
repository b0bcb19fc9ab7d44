import type { Absent, Draft, Loaded } from '../core/backend.ts'
import { parseData } from '../core/json.ts'
import type { Life } from '../core/record.ts'
import type { CookieFormat } from './cookie.ts'

const DATA = ',"d":'

/** The native layout of a session in its cookie: its life, and its data last, so that their text can be cut out whole. */
export const nativeFormat: CookieFormat = {
  encode({ life, text }: Draft): string {
    const { createdAt, touchedAt, idleMs, expiresAt, absoluteExpiresAt = null, authenticatedAt = null } = life
    const times = [
      createdAt,
      touchedAt,
      idleMs,
      expiresAt,
      absoluteExpiresAt,
      authenticatedAt,
      life.maxAge === undefined ? -1 : life.maxAge,
    ]
    return `{"l":${JSON.stringify(times)}${DATA}${text()}}`
  },

  decode(text: string): Omit<Loaded, 'value'> | Absent {
    const at = text.indexOf(DATA)
    const life = at > 0 ? lifeOf(text.slice(0, at)) : null
    if (!life) return { absent: true, malformed: true }
    const base = text.slice(at + DATA.length, -1)
    return { base, life, wire: base, take: () => parseData(base) }
  },
}

function lifeOf(head: string): Life | null {
  const [createdAt, touchedAt, idleMs, expiresAt, absolute, authenticated, maxAge] = times(head)
  if (createdAt == null || touchedAt == null || idleMs == null || expiresAt == null) return null
  const life: Life = { createdAt, touchedAt, idleMs, expiresAt }
  if (absolute != null) life.absoluteExpiresAt = absolute
  if (authenticated != null) life.authenticatedAt = authenticated
  if (maxAge !== undefined && maxAge !== -1) life.maxAge = maxAge
  return life
}

function times(head: string): Array<number | null> {
  try {
    const list = (JSON.parse(`${head}}`) as { l?: unknown }).l
    return Array.isArray(list) ? list.map(item => (typeof item === 'number' ? item : null)) : []
  } catch {
    return []
  }
}
