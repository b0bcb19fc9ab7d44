import type { CookieFormat } from '../backends/cookie.ts'
import type { LegacyFound } from '../backends/legacy.ts'
import type { Absent, Draft, Loaded } from '../core/backend.ts'
import { SessionAsyncHookError } from '../core/errors.ts'
import { type Content, copy, type Data, parseData, put } from '../core/json.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import { applyMarks, type Marks, marksOf, readMarks } from '../core/marks.ts'
import { isPromise } from '../core/maybe.ts'
import type { Life, Meta } from '../core/record.ts'
import type { AnyData } from '../core/session-data.ts'

/** One day: the life of a session where none is configured. */
export const DEFAULT_LIFE_MS = 86_400_000

/** koa-session's default cookie text: base64 of JSON. */
export function encode(data: AnyData): string {
  return base64Of(JSON.stringify(data))
}

export function decode(text: string): unknown {
  return JSON.parse(jsonOf(text))
}

/** Where cookies are decoded and encoded: a buffer for each costs 0.2 µs more. */
const scratch = Buffer.allocUnsafeSlow(8192)
/** What a UTF-16 unit may take in UTF-8. */
const OCTETS_OF_UNIT = 3

function base64Of(text: string): string {
  if (text.length * OCTETS_OF_UNIT > scratch.length) return Buffer.from(text, 'utf8').toString('base64')
  return scratch.toString('base64', 0, scratch.write(text, 'utf8'))
}

function jsonOf(text: string): string {
  if (text.length > scratch.length) return Buffer.from(text, 'base64').toString('utf8')
  return scratch.toString('utf8', 0, scratch.write(text, 'base64'))
}

/** Names that koa-session never stores, since they are its own members. */
const MEMBERS = ['isNew', 'length', 'populated', 'maxAge', 'externalKey'] as const
/** Those, what koa-session mixes into the data, and Holdfast's one place beside it. */
const NO_DATA: ReadonlySet<string> = new Set([...MEMBERS, '_expire', '_maxAge', '_session', '_requireSave', '_holdfast'])

export function isMember(key: string): boolean {
  return NO_DATA.has(key)
}

/** A clone that gets more keys: to a clone by spread V8 (Node 20) takes a microsecond to add each of them, to this one 0.1. */
function extensible(data: Data): Data {
  return Object.hasOwn(data, '__proto__') ? { ...data } : Object.assign({}, data)
}

/** Data and bookkeeping as one object, in koa-session's words and order, as its stores and encoders get it. */
export function toWire(data: Data, draft: Pick<Draft, 'life' | 'userId' | 'meta'>, rules: LifetimePolicy): Data {
  const wire = extensible(data)
  const { life } = draft
  if (life.maxAge === null) wire._session = true
  else {
    wire._expire = life.expiresAt
    wire._maxAge = life.idleMs
  }
  const marks = marksOf(draft, rules)
  if (marks) wire._holdfast = marks
  return wire
}

/** The life that the bookkeeping tells of; what it does not say is unlimited. */
export function lifeOf(wire: Data, marks: Marks, rules: LifetimePolicy): Life {
  const { _expire, _maxAge } = wire
  const expiresAt = typeof _expire === 'number' ? _expire : Number.POSITIVE_INFINITY
  const idleMs = typeof _maxAge === 'number' ? _maxAge : Number.NaN
  const touchedAt = Number.isFinite(expiresAt) && idleMs > 0 ? expiresAt - idleMs : 0
  const life: Life = { createdAt: touchedAt, touchedAt, idleMs, expiresAt }
  if ('_session' in wire) life.maxAge = null
  else if (typeof _maxAge === 'number') life.maxAge = _maxAge
  applyMarks(life, marks, rules)
  return life
}

function userDataOf(wire: Data): Data {
  const data: Data = {}
  for (const key of Object.keys(wire)) if (!isMember(key)) put(data, key, wire[key])
  return data
}

/** What a decoder or store answered, as an object: like koa-session, the keys of an array or a text count. */
function wireOf(answer: unknown): Data {
  return typeof answer === 'object' ? (answer as Data) : { ...(answer as object) }
}

/** What a koa-session store answered. The data are read only after `valid` has seen, and perhaps changed, the object. */
export function fromStore(answer: unknown, rules: LifetimePolicy): LegacyFound | Absent {
  if (!answer) return { absent: true, value: answer }
  const wire = wireOf(answer)
  const marks = readMarks(wire._holdfast)
  const { userId, meta } = marks
  return { wire: answer, life: lifeOf(wire, marks, rules), userId, meta, data: () => userDataOf(wire) }
}

/** A session out of a cookie. What it is compared with is fixed before the handler gets the data. */
class CookieContent implements Loaded {
  readonly value: string
  readonly wire: Data
  readonly life: Life
  readonly userId: string | undefined
  readonly meta: Meta | undefined
  #base: Content | undefined
  #taken = false

  constructor(value: string, wire: Data, life: Life, { userId, meta }: Marks, base: string | undefined) {
    this.value = value
    this.wire = wire
    this.life = life
    this.userId = userId
    this.meta = meta
    this.#base = base
  }

  get base(): Content {
    this.#base ??= copy(userDataOf(this.wire))
    return this.#base
  }

  take(): Data {
    const { base } = this
    if (this.#taken) return typeof base === 'string' ? parseData(base) : copy(base)
    this.#taken = true
    return userDataOf(this.wire)
  }
}

/** What of a request the format needs. */
interface WireRequest {
  readonly settings: {
    encode: (data: AnyData) => string
    decode: (text: string) => unknown
    /** What is sealed needs no base64: it gets one over the whole. */
    encrypt?: boolean | undefined
    /** A `valid` hook sees the stored object, and may change it. */
    valid?: unknown
  }
  /** The lifetimes in force. */
  readonly rules: LifetimePolicy
  /** A decoder failed for another reason than malformed text: the cookie must not make the next request fail too. */
  forgetCookie(): void
}

/** koa-session's cookie: data and bookkeeping in one JSON text, or whatever the site's `encode` makes of them. */
export const koaFormat: CookieFormat = {
  encode(draft: Draft, request: unknown): string {
    const { settings, rules } = request as WireRequest
    if (settings.encode !== encode) return encoded(settings.encode(toWire(draft.data(), draft, rules)))
    const json = withTail(draft.text(), tailOf(draft.life, marksOf(draft, rules)))
    return settings.encrypt ? json : base64Of(json)
  },

  decode(text: string, request: unknown): Loaded | Absent {
    const { settings, rules } = request as WireRequest
    const standard = settings.decode === decode
    const json = standard ? (settings.encrypt && text.startsWith('{') ? text : jsonOf(text)) : ''
    let answer: unknown
    try {
      answer = standard ? JSON.parse(json) : settings.decode(text)
    } catch (error) {
      if (!(error instanceof Error) || error instanceof SyntaxError) return { absent: true, malformed: true }
      ;(request as WireRequest).forgetCookie()
      throw error
    }
    if (!answer) return { absent: true, value: answer }
    if (isPromise(answer)) {
      answer.then(undefined, () => undefined)
      throw new SessionAsyncHookError('decode')
    }
    const wire = wireOf(answer)
    const marks = readMarks(wire._holdfast)
    const life = lifeOf(wire, marks, rules)
    return new CookieContent(text, wire, life, marks, standard && !settings.valid ? withoutTail(json, wire, life) : undefined)
  },
}

/** The bookkeeping as JSON text, less its opening brace; written by hand, so that a read costs one JSON.stringify. */
function tailOf({ maxAge, expiresAt, idleMs }: Life, marks: unknown): string {
  const beside = marks === undefined ? '' : `,"_holdfast":${JSON.stringify(marks)}`
  return `${maxAge === null ? '"_session":true' : `"_expire":${numberText(expiresAt)},"_maxAge":${numberText(idleMs)}`}${beside}}`
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null'
}

/** What a site's own encoder gave, at once. Nothing clears the cookie, as with koa-session. */
function encoded(answer: unknown): string {
  if (isPromise(answer)) {
    answer.then(undefined, () => undefined)
    throw new SessionAsyncHookError('encode')
  }
  return answer === undefined || answer === null ? '' : String(answer)
}

/** Adds bookkeeping to the text of the data: they need not be written twice. */
function withTail(text: string, tail: string): string {
  return text === '{}' ? `{${tail}` : `${text.slice(0, -1)},${tail}`
}

/** The text of the data, if the cookie is written as koa-session writes it: only then can texts be compared. */
function withoutTail(json: string, wire: Data, life: Life): string | undefined {
  const end = plainEnd(json)
  const tail = end === -1 ? tailOf(life, wire._holdfast) : ''
  if (json === `{${tail}`) return '{}'
  if (end === -1 && !json.endsWith(`,${tail}`)) return undefined
  for (const key of MEMBERS) if (Object.hasOwn(wire, key)) return undefined
  // koa-session, which knows nothing of it, writes it among the data.
  if (end !== -1 && Object.hasOwn(wire, '_holdfast')) return undefined
  return `${json.slice(0, end === -1 ? -tail.length - 1 : end)}}`
}

const PLAIN_END = /,"_expire":\d+,"_maxAge":\d+\}$/y

/** Where the bookkeeping of most sessions begins: to find it costs half of writing it again. -1: it is none of these. */
function plainEnd(json: string): number {
  const at = json.lastIndexOf(',"_expire":')
  PLAIN_END.lastIndex = at
  return at > 0 && PLAIN_END.test(json) ? at : -1
}
