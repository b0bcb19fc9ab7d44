import { CONTROLS, SessionHolder, sealOff } from '../core/controls.ts'
import { type Data, dataOf, put } from '../core/json.ts'
import type { RegenerateOptions } from '../core/login.ts'
import type { DropInRequest } from './drop-in-request.ts'
import { isMember } from './wire.ts'

const INSPECT = Symbol.for('nodejs.util.inspect.custom')

type Callback = (error?: unknown) => void

/**
 * `ctx.session` of the drop-in: koa-session's members on the prototype, the user's data as own properties. What only
 * Holdfast has (`update`, `reload`, `destroy`) is overlaid by data of the same name and remains a function of `holdfast`.
 */
export class KoaSessionHolder extends SessionHolder {
  readonly #state: DropInRequest

  constructor(state: DropInRequest) {
    super(state)
    this.#state = state
  }

  /** Fills it as koa-session does: its own names go through their setters or nowhere, everything else is data. */
  static from(state: DropInRequest, source: object): KoaSessionHolder {
    const holder = new KoaSessionHolder(state)
    for (const key in source) {
      const value = (source as Data)[key]
      if (!isMember(key)) put(holder, key, value)
      else if (key === '_maxAge') state.maxAge = value as number
      else if (key === '_session') state.maxAge = 'session'
      else if (key === 'isNew' || key === 'maxAge' || key === '_requireSave' || key === '_holdfast') holder[key] = value as never
    }
    return holder
  }

  get isNew(): boolean {
    return this.#state.isNew
  }

  set isNew(value: boolean) {
    this.#state.isNew = value
  }

  get length(): number {
    return Object.keys(dataOf(this)).length
  }

  get populated(): boolean {
    return this.length > 0
  }

  get maxAge(): number | 'session' | undefined {
    return this.#state.maxAge
  }

  set maxAge(value: number | 'session' | undefined) {
    this.#state.maxAge = value
    this.#state.requireSave = true
  }

  get externalKey(): string | undefined {
    return this.#state.id
  }

  // koa-session's own fields. As accessors they are no data, and code that sets them goes on working.
  get _requireSave(): boolean {
    return this.#state.requireSave
  }

  set _requireSave(value: boolean) {
    this.#state.requireSave = Boolean(value)
  }

  get _expire(): number | undefined {
    return this.#state.expiresAt
  }

  set _expire(_value: unknown) {}

  get _maxAge(): undefined {
    return undefined
  }

  set _maxAge(_value: unknown) {}

  get _session(): undefined {
    return undefined
  }

  set _session(_value: unknown) {}

  get _holdfast(): undefined {
    return undefined
  }

  set _holdfast(_value: unknown) {
    throw new TypeError("a session's key _holdfast is the place of Holdfast's own bookkeeping: take another name")
  }

  toJSON(): Data {
    return dataOf(this)
  }

  [INSPECT](): Data {
    return dataOf(this)
  }

  save(callback?: Callback): Promise<void> | undefined {
    return settle(() => this.#state.commit({ force: true }), callback)
  }

  regenerate(options?: RegenerateOptions | Callback, callback?: Callback): Promise<void> | undefined {
    if (typeof options === 'function') return settle(() => this.#state.commit({ regenerate: true }), options)
    return settle(() => (options ? this.#state.regenerate(options) : this.#state.commit({ regenerate: true })), callback)
  }

  manuallyCommit(): Promise<void> | undefined {
    return settle(() => this.#state.commit(), undefined)
  }

  /** koa-session's general form of the three above. */
  commit(options?: { save?: boolean; regenerate?: boolean } | Callback, callback?: Callback): Promise<void> | undefined {
    if (typeof options === 'function') return settle(() => this.#state.commit(), options)
    const { save: force = false, regenerate = false } = options ?? {}
    return settle(() => this.#state.commit({ force, regenerate }), callback)
  }

  /** Ends the session now, in the store and in the browser. */
  destroy(): Promise<void> {
    return this[CONTROLS].destroy()
  }

  /** Takes what is stored now. False if the session has been ended meanwhile. */
  reload(): Promise<boolean> {
    return this[CONTROLS].reload()
  }

  /** Runs a synchronous function on the latest data until it lands. */
  update(change: (draft: Data) => unknown): Promise<void> {
    return this[CONTROLS].update(change)
  }
}

sealOff(KoaSessionHolder)

/** Starts at once: in cookie mode the cookie is set, and with a store the call is made, before this returns. */
async function started(work: () => unknown): Promise<void> {
  await work()
}

function settle(work: () => unknown, callback: Callback | undefined): Promise<void> | undefined {
  const done = started(work)
  if (!callback) return done
  done.then(() => callback(), callback)
  return undefined
}
