import type { Absent, Draft, Held, Loaded, Pending, SessionBackend, WriteResult } from '../core/backend.ts'
import { isAbsent } from '../core/backend.ts'
import type { EndingsSource } from '../core/endings.ts'
import type { NextEpoch } from '../core/epochs.ts'
import { SessionAsyncHookError, SessionDataError } from '../core/errors.ts'
import { type Data, parseData } from '../core/json.ts'
import { chain, isPromise, type MaybePromise } from '../core/maybe.ts'
import { hookAnswer } from '../core/opener.ts'
import { type Gone, type GoneReason, isGone, type Meta } from '../core/record.ts'
import { pathsOf, type SchemaResult, type Shape } from '../core/schema.ts'

/** Where the data's version is kept beside them. */
export const VERSION = 'v'

const MALFORMED: Absent = { absent: true, malformed: true, endable: true }

/** `issues`: why there are none. */
interface Checked {
  data: Data | null
  issues: readonly unknown[]
}

/**
 * Sessions whose data have the shape that the site says, whatever deploy wrote them. It stands in front of another backend, so
 * that what loads, what another request wrote meanwhile and what is read anew all pass through it, and what is written before it is.
 * Nothing is written for a migration alone: the next change takes it along.
 */
export class ShapedBackend implements SessionBackend {
  readonly #inner: SessionBackend
  readonly #shape: Shape
  readonly verdict?: (loaded: Loaded, userId: string) => Gone | Absent | undefined
  readonly nextEpoch?: (loaded: Loaded) => Promise<NextEpoch>
  readonly endOthers?: (loaded: Loaded) => Promise<number>
  readonly rotationDue?: (loaded: Loaded) => boolean
  readonly rotate?: (loaded: Loaded, draft: Draft) => MaybePromise<WriteResult>

  constructor(inner: SessionBackend, shape: Shape) {
    this.#inner = inner
    this.#shape = shape
    const { verdict, nextEpoch, endOthers, rotationDue, rotate } = inner
    if (verdict) this.verdict = (loaded, userId) => verdict.call(inner, loaded, userId)
    if (nextEpoch) this.nextEpoch = loaded => nextEpoch.call(inner, loaded)
    if (endOthers) this.endOthers = loaded => endOthers.call(inner, loaded)
    if (rotationDue) this.rotationDue = loaded => rotationDue.call(inner, loaded)
    if (rotate) this.rotate = (loaded, draft) => this.#write(draft, marked => rotate.call(inner, loaded, marked))
  }

  get eager(): boolean {
    return this.#inner.eager
  }

  get keyed(): boolean {
    return this.#inner.keyed
  }

  get watchMs(): number | undefined {
    return this.#inner.watchMs
  }

  get evicts(): boolean {
    return this.#inner.evicts ?? false
  }

  get endings(): EndingsSource | undefined {
    return this.#inner.endings
  }

  get prepared(): boolean {
    return this.#inner.prepared ?? true
  }

  prepare(): MaybePromise<void> {
    return this.#inner.prepare?.()
  }

  get touchWithinMs(): number | undefined {
    return this.#inner.touchWithinMs
  }

  newId(request: unknown): string | undefined {
    return this.#inner.newId(request)
  }

  load(value: string, request: unknown): MaybePromise<Loaded | Gone | Absent> {
    return chain(this.#inner.load(value, request), found => (isAbsent(found) || isGone(found) ? found : this.#fit(found)))
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, marked => this.#inner.create(marked, request))
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, marked => this.#inner.save(loaded, marked, request))
  }

  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult> {
    return this.#write(draft, marked => this.#inner.replace(loaded, marked, reason, request))
  }

  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return chain(this.#inner.touch(loaded, this.#marked(draft), request), result => this.#met(result))
  }

  delete(held: Held | null, id: string | undefined, reason: GoneReason, request: unknown): MaybePromise<Pending | Gone | undefined> {
    return this.#inner.delete(held, id, reason, request)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  /** Nothing is stored that the next request would turn away: that would be a logout of which nobody is told. */
  #write(draft: Draft, write: (marked: Draft) => MaybePromise<WriteResult>): MaybePromise<WriteResult> {
    return chain(this.#proved(draft.text()), data =>
      chain(write(this.#marked(draft)), result =>
        result.status === 'written' ? { status: 'written', loaded: withData(result.loaded, data, draft.text()) } : this.#met(result),
      ),
    )
  }

  /** What the next request will get of this text. */
  #proved(text: string): MaybePromise<Data> {
    return chain(this.#checked(parseData(text)), ({ data, issues }) => {
      if (data) return data
      const paths = pathsOf(issues)
      const where = paths.length > 0 ? ` (${paths.map(path => `"${path}"`).join(', ')})` : ''
      throw new SessionDataError(`the session's data, as JSON, do not fit the schema${where}; nothing was stored`)
    })
  }

  #marked(draft: Draft): Draft {
    const { version } = this.#shape
    if (version === 0) return draft
    const meta: Meta = { ...draft.meta, [VERSION]: version }
    return { ...draft, meta }
  }

  /** A touch leaves old data as they are; another request of an older deploy may have written. */
  #met(result: WriteResult): MaybePromise<WriteResult> {
    if (result.status === 'missing' || result.status === 'full') return result
    const found = result.status === 'written' ? result.loaded : result.current
    return chain(this.#fit(found), (fitting): WriteResult => {
      if (isAbsent(fitting)) return { status: 'missing' }
      return result.status === 'written' ? { status: 'written', loaded: fitting } : { status: 'conflict', current: fitting }
    })
  }

  /** Absent: the data are not what the site takes, and will not become it. What its own code throws at them says the same. */
  #fit(found: Loaded): MaybePromise<Loaded | Absent> {
    const failed = (value: unknown): Absent => {
      if (value instanceof SessionAsyncHookError) throw value
      return { ...MALFORMED, value }
    }
    try {
      const fitting = chain(this.#migrated(found.take(), found.meta?.[VERSION] ?? 0), migrated =>
        migrated === null ? MALFORMED : chain(this.#checked(migrated), ({ data }) => (data ? withData(found, data) : MALFORMED)),
      )
      return isPromise(fitting) ? fitting.then(undefined, failed) : fitting
    } catch (error) {
      return failed(error)
    }
  }

  #migrated(data: Data, from: unknown): MaybePromise<Data | null> {
    const { migrate, version } = this.#shape
    if (from === version || !migrate) return data
    // A newer deploy has written it, and this one was rolled back: what it means is not known here.
    if (typeof from !== 'number' || from > version) return null
    return chain(hookAnswer('migrate', migrate(data as never, from), this.eager), asData)
  }

  #checked(data: Data): MaybePromise<Checked> {
    const { schema } = this.#shape
    if (!schema) return { data, issues: [] }
    return chain(hookAnswer('schema', schema['~standard'].validate(data), this.eager), answer => {
      const result = answer as SchemaResult<unknown>
      return result.issues ? { data: null, issues: result.issues } : { data: asData(result.value), issues: [] }
    })
  }
}

/** `base` is what the handler has, so that only what the handler changes is a change. */
function withData(found: Loaded, data: Data, base = JSON.stringify(data)): Loaded {
  const { value, life, version, record, userId, meta, sid } = found
  let first: Data | undefined = data
  return {
    value,
    base,
    life,
    ...(version !== undefined && { version }),
    ...(record !== undefined && { record }),
    userId,
    meta,
    sid,
    get wire() {
      return found.wire
    },
    take: () => {
      const taken = first ?? parseData(base)
      first = undefined
      return taken
    },
  }
}

function asData(value: unknown): Data | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : null
}
