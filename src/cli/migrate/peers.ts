import { type Data, put } from '../../core/json.ts'
import { type Marks, readMarks } from '../../core/marks.ts'
import type { SessionRecord } from '../../core/record.ts'
import { keyOf, partitionOf, userKeyOf } from '../../crypto/session-id.ts'
import { asCopy } from './own-copy.ts'
import type { SourcePage, StoredSession } from './source.ts'

export type PeerLayout = 'express-session' | 'koa-session'

export interface PeerOptions {
  layout: PeerLayout
  /** The cookie's name: what the drop-in makes its keys of. */
  scope: string
  /** Where in the data the user's id is, as names with dots between them; absent: only who has logged in by Holdfast is known. */
  userPath: string | undefined
  /** Which source this is: copies from another one are not its own. */
  origin: string
  now: () => number
}

const DAY_MS = 86_400_000
/** No cookie lives longer (RFC 6265bis, 5.6). For what ends nowhere. */
const LONGEST_MS = 400 * DAY_MS
/** What express-session, and the stores of files, keep among the data. */
const EXPRESS_NAMES: ReadonlySet<string> = new Set(['cookie', 'id', 'req', '__lastAccess'])
const KOA_NAMES: ReadonlySet<string> = new Set([
  'isNew',
  'length',
  'populated',
  'maxAge',
  'externalKey',
  '_expire',
  '_maxAge',
  '_session',
  '_requireSave',
  '_holdfast',
])

/** What a layout says of a session beside its data. */
interface Said {
  data: Data
  marks: Marks
  /** Its own life in ms; null: until the browser closes. */
  maxAge: number | null
  /** When it ends, whatever the store says. */
  expiresAt: number | undefined
  /** When its cookie ends: for a store that says nothing. */
  cookieEnd?: number
}

/** The records that a drop-in of Holdfast finds by the cookies of the peer. */
export function recordsOf(stored: readonly StoredSession[], options: PeerOptions): Omit<SourcePage, 'cursor'> {
  const page = { records: [] as SessionRecord[], unreadable: 0, ended: 0 }
  for (const session of stored) {
    const said = read(session, options.layout)
    if (!said) page.unreadable++
    else {
      const record = recordOf(session, said, options)
      if (record.expiresAt <= options.now()) page.ended++
      else page.records.push(record)
    }
  }
  return page
}

function recordOf({ id, endsAt }: StoredSession, { data, marks, maxAge, expiresAt, cookieEnd }: Said, options: PeerOptions): SessionRecord {
  const { scope, userPath, now } = options
  const time = now()
  const end = Math.ceil(Math.min(expiresAt ?? endsAt ?? cookieEnd ?? time + LONGEST_MS, marks.endsAt ?? Number.POSITIVE_INFINITY))
  // Where the store has the word on its end it may be any time from its last use: the first use by the drop-in says it anew.
  const idleMs = Math.ceil((expiresAt !== undefined && maxAge) || LONGEST_MS)
  const used = maxAge === null ? 0 : Math.min(end - maxAge, time)
  const text = JSON.stringify(data)
  const key = keyOf(scope, id)
  const userId = marks.userId ?? (userPath === undefined ? undefined : userAt(data, userPath))
  const { createdAt, touchedAt, authenticatedAt, endsAt: absolute, meta } = marks
  const record: SessionRecord = {
    key,
    partition: partitionOf(id),
    data: text,
    version: '',
    // 0: nobody knows. The first request that looks at it writes it down.
    createdAt: createdAt ?? 0,
    touchedAt: Math.max(0, Math.floor(touchedAt ?? used)),
    idleMs,
    expiresAt: end,
    maxAge: maxAge === null ? null : Math.ceil(maxAge),
    ...(authenticatedAt !== undefined && { authenticatedAt }),
    ...(absolute !== undefined && { absoluteExpiresAt: absolute }),
    ...(userId !== undefined && { userId, userKey: userKeyOf(scope, userId) }),
    ...(meta !== undefined && { meta }),
  }
  return asCopy(record, options.origin)
}

function read({ content }: StoredSession, layout: PeerLayout): Said | undefined {
  const wire = objectOf(content)
  return wire && (layout === 'express-session' ? readExpress(wire) : readKoa(wire))
}

/** A record without a cookie is nobody's session. */
function readExpress(wire: Data): Said | undefined {
  const { cookie } = wire
  if (typeof cookie !== 'object' || cookie === null) return undefined
  const { originalMaxAge, expires, _holdfast } = cookie as Data
  const maxAge = typeof originalMaxAge === 'number' && originalMaxAge > 0 ? originalMaxAge : null
  const end = typeof expires === 'string' || expires instanceof Date ? new Date(expires).getTime() : Number.NaN
  const said: Said = { data: without(EXPRESS_NAMES, wire), marks: readMarks(_holdfast), maxAge, expiresAt: undefined }
  return end > 0 ? { ...said, cookieEnd: end } : said
}

function readKoa(wire: Data): Said {
  const { _expire, _maxAge } = wire
  const lives = !('_session' in wire) && typeof _maxAge === 'number' && _maxAge > 0
  return {
    data: without(KOA_NAMES, wire),
    marks: readMarks(wire._holdfast),
    maxAge: lives ? (_maxAge as number) : null,
    expiresAt: typeof _expire === 'number' ? _expire : undefined,
  }
}

function objectOf(content: unknown): Data | undefined {
  try {
    const value: unknown = typeof content === 'string' ? JSON.parse(content) : content
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : undefined
  } catch {
    return undefined
  }
}

function without(names: ReadonlySet<string>, wire: Data): Data {
  const data: Data = {}
  for (const name of Object.keys(wire)) if (!names.has(name)) put(data, name, wire[name])
  return data
}

function userAt(data: Data, path: string): string | undefined {
  let value: unknown = data
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Data)[name]
  }
  const id = typeof value === 'number' ? String(value) : value
  return typeof id === 'string' && id !== '' && Buffer.byteLength(id, 'utf8') <= 255 ? id : undefined
}
