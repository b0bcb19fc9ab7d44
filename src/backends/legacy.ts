import { type Absent, type Draft, type Held, type Loaded, proves, type SessionBackend, type WriteResult } from '../core/backend.ts'
import { type Content, copy, type Data, jsonCopy, parseData } from '../core/json.ts'
import { chain, isPromise, type MaybePromise } from '../core/maybe.ts'
import { Newest } from '../core/newest.ts'
import type { GoneReason, Life, Meta } from '../core/record.ts'
import { ask } from './ask.ts'

/** What a peer's store answered, in Holdfast's words. */
export interface LegacyFound {
  /** The stored value as its writer wrote it. */
  wire: unknown
  life: Life
  /** Whom it belongs to, and what is kept beside the data, where the site logs in by `login()`. */
  userId?: string | undefined
  meta?: Meta | undefined
  /** The user's data in it, or their JSON text; asked for once the `valid` hook has seen `wire`. */
  data: () => Content
}

/** What a port needs of a draft. */
type PortDraft = Pick<Draft, 'life' | 'changed' | 'userId' | 'meta'>

/** A peer's get/set/destroy store, as its adapter presents it. Ids are raw, and the calls are the peer's, one for one. */
export interface LegacyPort {
  newId(request: unknown): string
  load(id: string, request: unknown): MaybePromise<LegacyFound | Absent>
  save(id: string, data: Data, draft: PortDraft, request: unknown): MaybePromise<unknown>
  /** A longer life for what has not changed. Absent: it is saved. */
  touch?(id: string, data: Data, draft: PortDraft, request: unknown): MaybePromise<unknown>
  delete(id: string, request: unknown): MaybePromise<unknown>
  /** Where the store of a request keeps text, and answers at once: nothing has to be copied to keep its data and the handler's apart. */
  texts?(request: unknown): LegacyTexts | undefined
}

/** A peer's store that keeps JSON text. */
export interface LegacyTexts {
  save(id: string, draft: Draft, request: unknown): void
  touch(id: string, draft: PortDraft, request: unknown): void
}

/** Ids that this process has ended, for requests that were already running. Bounded: the oldest give way. */
export class EndedIds {
  static readonly #LIMIT = 10_000
  readonly #marks = new Newest<number>(EndedIds.#LIMIT)
  #count = 0

  static readonly #ofStores = new WeakMap<object, EndedIds>()

  /** Those of a store, whoever uses it in this process. */
  static of(store: object): EndedIds {
    const known = EndedIds.#ofStores.get(store)
    if (known) return known
    const ended = new EndedIds()
    EndedIds.#ofStores.set(store, ended)
    return ended
  }

  /** A moment, to compare with later endings. */
  now(): number {
    return this.#count
  }

  add(id: string): void {
    this.#marks.set(id, ++this.#count)
  }

  since(id: string, moment: number): boolean {
    return (this.#marks.get(id) ?? 0) > moment
  }
}

/**
 * Sessions in a peer's store. It has no version and no compare-and-set: overlapping requests overwrite each other, as
 * with the peer. Within this process, at least, a request that was under way cannot bring back what another one ended.
 */
export class LegacyBackend implements SessionBackend {
  readonly eager = true
  readonly keyed = true
  readonly #port: LegacyPort
  readonly #ended: EndedIds
  readonly #timeoutMs: number

  constructor(port: LegacyPort, ended: EndedIds, timeoutMs: number) {
    this.#port = port
    this.#ended = ended
    this.#timeoutMs = timeoutMs
  }

  newId(request: unknown): string {
    return this.#port.newId(request)
  }

  load(id: string, request: unknown): MaybePromise<Loaded | Absent> {
    const moment = this.#ended.now()
    return chain(
      ask('load', this.#timeoutMs, () => this.#port.load(id, request)),
      found => ('absent' in found ? found : new LegacyLoaded(id, found, moment)),
    )
  }

  create(draft: Draft, request: unknown): MaybePromise<WriteResult> {
    return this.#set(draft.id ?? this.newId(request), draft, request)
  }

  save(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    if (this.#overtaken(loaded)) return { status: 'missing' }
    return this.#set(loaded.value, draft, request)
  }

  replace(loaded: Loaded | null, draft: Draft, reason: GoneReason, request: unknown): MaybePromise<WriteResult> {
    if (this.#overtaken(loaded)) return { status: 'missing' }
    const end = () => this.delete(loaded, draft.id, reason, request)
    const begin = () => this.#set(this.newId(request), draft, request)
    // A new id is made as the peer makes it. No peer has a login: one that cannot be stored must not cost the visitor what was there.
    return loaded && proves(draft, loaded) ? chain(begin(), written => chain(end(), () => written)) : chain(end(), begin)
  }

  touch(loaded: Loaded, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    const { touch } = this.#port
    if (!touch) return this.save(loaded, draft, request)
    if (this.#overtaken(loaded)) return { status: 'missing' }
    const texts = this.#port.texts?.(request)
    const call = (): MaybePromise<unknown> =>
      texts ? texts.touch(loaded.value, draft, request) : touch(loaded.value, isolate(draft.data()).data, draft, request)
    return chain(ask('touch', this.#timeoutMs, call), () => ({ status: 'written', loaded }))
  }

  delete(held: Held | null, id: string | undefined, _reason: GoneReason, request: unknown): MaybePromise<undefined> {
    if (id === undefined) return undefined
    // Marked before the answer, and for good: a store that fails may have ended it all the same.
    this.#ended.add(id)
    const failed = (error: unknown): never => {
      // Whoever asked for the end may ask again, or go on.
      if (held instanceof LegacyLoaded) held.moment = this.#ended.now()
      throw error
    }
    try {
      const done = ask('delete', this.#timeoutMs, () => this.#port.delete(id, request))
      return isPromise(done) ? done.then(() => undefined, failed) : undefined
    } catch (error) {
      return failed(error)
    }
  }

  async close(): Promise<void> {}

  /** Another request of this process ended the session after this one had loaded it. */
  #overtaken(loaded: Loaded | null): boolean {
    return loaded !== null && this.#ended.since(loaded.value, (loaded as LegacyLoaded).moment)
  }

  #set(id: string, draft: Draft, request: unknown): MaybePromise<WriteResult> {
    const texts = this.#port.texts?.(request)
    if (texts) return this.#setText(texts, id, draft, request)
    // The store keeps its own copy: a store in memory must not share objects with this request.
    const { data, instances } = isolate(draft.data())
    // What is inside is the store's from here on. A store that changed it in place would make a second commit of this request a write, no more.
    const base = instances ? jsonCopy(data) : data
    const moment = this.#ended.now()
    return chain(
      ask('save', this.#timeoutMs, () => this.#port.save(id, data, draft, request)),
      () => {
        const { life, userId, meta } = draft
        return { status: 'written', loaded: new LegacyLoaded(id, { wire: data, life, userId, meta, data: () => base }, moment) }
      },
    )
  }

  #setText(texts: LegacyTexts, id: string, draft: Draft, request: unknown): WriteResult {
    const text = draft.text()
    const moment = this.#ended.now()
    ask('save', this.#timeoutMs, () => texts.save(id, draft, request))
    const { life, userId, meta } = draft
    return { status: 'written', loaded: new LegacyLoaded(id, { wire: undefined, life, userId, meta, data: () => text }, moment) }
  }
}

/** A session out of a peer's store. What it is compared with is fixed before the handler gets the data. */
class LegacyLoaded implements Loaded {
  readonly value: string
  readonly life: Life
  readonly wire: unknown
  readonly userId: string | undefined
  readonly meta: Meta | undefined
  /** When it was loaded, by the count of endings. */
  moment: number
  readonly #data: () => Content
  #base: Content | undefined

  constructor(id: string, { wire, life, userId, meta, data }: LegacyFound, moment: number) {
    this.value = id
    this.life = life
    this.wire = wire
    this.userId = userId
    this.meta = meta
    this.moment = moment
    this.#data = data
  }

  get base(): Content {
    this.#base ??= comparable(this.#data())
    return this.#base
  }

  take(): Data {
    const source = this.#data()
    this.#base ??= comparable(source)
    return typeof source === 'string' ? parseData(source) : copy(source)
  }
}

/** What to compare with later, whatever the store and the handler do to theirs. */
function comparable(source: Content): Content {
  if (typeof source === 'string') return source
  const { data, instances } = isolate(source)
  return instances ? jsonCopy(source) : data
}

/** A copy that shares nothing but instances of classes, and whether there are any. */
function isolate(source: Data): { data: Data; instances: boolean } {
  let instances = false
  const data = copy(source, () => {
    instances = true
  })
  return { data, instances }
}
