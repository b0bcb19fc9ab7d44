import type { Absent, Draft, Loaded } from '../core/backend.ts'
import { parseData } from '../core/json.ts'
import type { Life, Meta } from '../core/record.ts'
import type { CookieFormat } from './cookie.ts'

const DATA = ',"d":'

/** The native layout of a session in its cookie: its life, and its data last, so that their text can be cut out whole. */
export const nativeFormat: CookieFormat = {
  encode({ life, text, userId, meta, sid }: Draft): string {
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
    // All as texts, whose quotes JSON escapes: none can contain the mark that the data begin with.
    const user = userId === undefined ? '' : `,"u":${JSON.stringify(userId)}`
    const known = sid === undefined ? '' : `,"s":${JSON.stringify(sid)}`
    const beside = meta === undefined ? '' : `,"m":${JSON.stringify(JSON.stringify(meta))}`
    return `{"l":${JSON.stringify(times)}${known}${user}${beside}${DATA}${text()}}`
  },

  decode(text: string): Loaded | Absent {
    const at = text.indexOf(DATA)
    const head = at > 0 ? headOf(text.slice(0, at)) : {}
    const life = lifeOf(head.l)
    if (!life) return { absent: true, malformed: true }
    const base = text.slice(at + DATA.length, -1)
    return {
      value: text,
      base,
      life,
      userId: head.u,
      sid: head.s ?? sidWithout(life, head.u),
      meta: head.m === undefined ? undefined : (JSON.parse(head.m) as Meta),
      wire: base,
      take: () => parseData(base),
    }
  },
}

interface Head {
  /** Times. */
  l?: unknown
  /** What it is known by. */
  s?: string
  /** Whose it is. */
  u?: string
  /** JSON text of what is kept beside the data. */
  m?: string
}

function headOf(text: string): Head {
  try {
    // What comes here was sealed by us: its types need no check.
    return JSON.parse(`${text}}`) as Head
  } catch {
    return {}
  }
}

/** Of a cookie that was written without one: what it keeps through each re-issue. */
function sidWithout({ createdAt, authenticatedAt = 0 }: Life, userId = ''): string {
  return JSON.stringify([createdAt, authenticatedAt, userId])
}

/** By place: to spread the list costs as much again as to parse it. */
function lifeOf(times: unknown): Life | null {
  if (!Array.isArray(times)) return null
  if (!isNumber(times[0]) || !isNumber(times[1]) || !isNumber(times[2]) || !isNumber(times[3])) return null
  const life: Life = { createdAt: times[0], touchedAt: times[1], idleMs: times[2], expiresAt: times[3] }
  if (isNumber(times[4])) life.absoluteExpiresAt = times[4]
  if (isNumber(times[5])) life.authenticatedAt = times[5]
  if (times.length > 6 && times[6] !== -1) life.maxAge = isNumber(times[6]) ? times[6] : null
  return life
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
