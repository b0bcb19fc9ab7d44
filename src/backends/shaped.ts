import type { Absent, Draft, Held, Loaded, Pending, SessionBackend, WriteResult } from '../core/backend.ts'
import { isAbsent } from '../core/backend.ts'
import type { NextEpoch } from '../core/epochs.ts'
import { type Data, parseData } from '../core/json.ts'
import { chain, type MaybePromise } from '../core/maybe.ts'
import { hookAnswer } from '../core/opener.ts'
import { type Gone, type GoneReason, isGone, type Meta } from '../core/record.ts'
import type { SchemaResult, Shape } from '../core/schema.ts'

/** Where the data's version is kept beside them. */
const VERSION = 'v'

/**
 * Sessions whose data have the shape that the site says, whatever deploy wrote them. It stands in front of another backend, so
 * that what loads, what another request wrote meanwhile and what is read anew all pass through it. Nothing is written for a
 * migration alone: the next change takes it along.
 */
export class ShapedBackend implements SessionBackend {
  readonly #inner: SessionBackend
  readonly #shape: Shape
  readonly nextEpoch?: (loaded: Loaded) => Promise<NextEpoch>
  readonly endOthers?: (loaded: Loaded) => Promise<number>
  readonly rotationDue?: (loaded: Loaded) => boolean
  readonly rotate?: (loaded: Loaded, draft: Draft) => MaybePromise<WriteResult>

  constructor(inner: SessionBackend, shape: Shape) {
    this.#inner = inner
    this.#shape = shape
    const { nextEpoch, endOthers, rotationDue, rotate } = inner
    if (nextEpoch) this.nextEpoch = loaded => nextEpoch.call(inner, loaded)
    if (endOthers) this.endOthers = loaded => endOthers.call(inner, loaded)
    if (rotationDue) this.rotationDue = loaded => rotationDue.call(inner, loaded)
    if (rotate) this.rotate = (loaded, draft) => chain(rotate.call(inner, loaded, this.#marked(draft)), result => this.#met(result))
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
    return chain(this.#inner.load(value, request), found =>
      isAbsent(found) || isGone(found)
        ? found
        : chain(this.#fit(found), fitting => fitting ?? { absent: true, malformed: true, endable: true }),
    )
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#inner.create(this.#marked(draft), request)
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return chain(this.#inner.save(loaded, this.#marked(draft), request), result => this.#met(result))
  }

  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult> {
    return chain(this.#inner.replace(loaded, this.#marked(draft), reason, request), result => this.#met(result))
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

  #marked(draft: Draft): Draft {
    const { version } = this.#shape
    if (version === 0) return draft
    const meta: Meta = { ...draft.meta, [VERSION]: version }
    return { ...draft, meta }
  }

  /** A touch leaves old data as they are; another request of an older deploy may have written. */
  #met(result: WriteResult): MaybePromise<WriteResult> {
    if (result.status === 'missing') return result
    const found = result.status === 'written' ? result.loaded : result.current
    return chain(this.#fit(found), (fitting): WriteResult => {
      if (!fitting) return { status: 'missing' }
      return result.status === 'written' ? { status: 'written', loaded: fitting } : { status: 'conflict', current: fitting }
    })
  }

  /** Null: the data are not what the site takes, and will not become it. */
  #fit(found: Loaded): MaybePromise<Loaded | null> {
    const migrated = this.#migrated(found.take(), found.meta?.[VERSION] ?? 0)
    return chain(migrated, data => (data === null ? null : chain(this.#checked(data), checked => checked && withData(found, checked))))
  }

  #migrated(data: Data, from: unknown): MaybePromise<Data | null> {
    const { migrate, version } = this.#shape
    if (from === version || !migrate) return data
    // A newer deploy has written it, and this one was rolled back: what it means is not known here.
    if (typeof from !== 'number' || from > version) return null
    return chain(hookAnswer('migrate', migrate(data as never, from), this.eager), asData)
  }

  #checked(data: Data): MaybePromise<Data | null> {
    const { schema } = this.#shape
    if (!schema) return data
    return chain(hookAnswer('schema', schema['~standard'].validate(data), this.eager), answer => {
      const result = answer as SchemaResult<unknown>
      return result.issues ? null : asData(result.value)
    })
  }
}

/** Its base is what the handler gets, so that only what the handler changes is a change. */
function withData(found: Loaded, data: Data): Loaded {
  const { value, life, version, record, userId, meta, sid } = found
  const base = JSON.stringify(data)
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
