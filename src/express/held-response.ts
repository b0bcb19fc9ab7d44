import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { isPromise, type MaybePromise } from '../core/maybe.ts'
import type { ResponseHeaders } from '../core/transport.ts'
import { type Aside, Disguise, headersSent } from './disguise.ts'
import { type Methods, surround } from './layers.ts'
import { beforeOf, hasMessage, headersOf, putStatus, restore, type Status, statusOf } from './response-head.ts'

/** What must be done before an answer may go on. */
export interface Gatekeeper {
  /** Before the first octet: the session is stored, and its cookie is among the headers. */
  beforeHead(): MaybePromise<void>
  /** Before the end of an answer whose head has left. */
  beforeEnd(): MaybePromise<void>
  /** It could not be done. What is written in this call, or comes of it, is the new answer. */
  failed(error: unknown): void
  /** Before the first octet of that one: what the handler of errors does to headers is done. */
  beforeAnswer?(): void
  /** Whether an answer whose head has left must not end as if all were well, where nobody else breaks it off. */
  breaksOff?(error: unknown): boolean
}

type Any = (...args: unknown[]) => unknown
type Method = 'write' | 'end' | 'flushHeaders' | Aside
type Call = [method: Method, args: unknown[]]
type Own = Record<Method | 'writeHead' | 'setHeader' | 'on' | 'removeListener', Any>
type Waiting = 'held' | 'ending'

/**
 * `open`: the handler has sent nothing. `held`: it has, and nothing has left. `flowing`: the head has left. `ending`: the end waits.
 * `dropped`: what was held has been thrown away. `over`: nothing more is asked.
 */
type State = 'open' | Waiting | 'flowing' | 'dropped' | 'over'

/** Those who write the answer to a failure, told from a handler that goes on writing the one that was dropped. */
const answering = new AsyncLocalStorage<HeldResponse>()

/**
 * A response that sends nothing before the session is stored. What the handler has written by then waits, and looks to the handler
 * as if it had left: Node's flags, errors and return values. Where the session needs no time, nothing waits.
 */
export class HeldResponse implements ResponseHeaders {
  /** The one around it. */
  outer: HeldResponse | undefined
  /** The one that no other stands between it and the response. */
  innermost: HeldResponse = this
  /** Node itself asks for the head, by `writeHead`: that is no call of the handler's. Said of the innermost. */
  implicit = false
  disguise: Disguise | undefined
  readonly #res: ServerResponse
  readonly #gate: Gatekeeper
  readonly #own: Own
  readonly #methods: Methods
  /** Where those who wait are told by us. */
  #listening: Partial<Own> | undefined
  /** What was there before the handler. */
  readonly #before: ReturnType<typeof beforeOf>
  #state: State = 'open'
  #calls: Call[] = []
  /** The status when the handler let the head go. */
  #status: Status | undefined
  /** Its end was asked for. */
  #ended = false
  /** The response's own method runs: HTTP/2's `end` calls `write`. */
  #calling = false
  /** Its first call was its last. */
  #endsAtOnce = false
  /** By `writeHead`: then the head does not depend on what comes after it. */
  #explicit = false
  /** Who is told to go on writing. */
  #drains: EventEmitter
  #failed = false
  #failure: unknown
  #announced = false
  /** Somebody answers the failure in the way in which it was told. */
  #answered = false

  constructor(res: ServerResponse, gate: Gatekeeper) {
    this.#res = res
    this.#gate = gate
    this.#drains = res
    const { write, end, writeHead, flushHeaders, setHeader, cork, uncork, addTrailers, on, removeListener } = res as unknown as Own
    this.#own = { write, end, writeHead, flushHeaders, setHeader, cork, uncork, addTrailers, on, removeListener }
    this.#before = beforeOf(res)
    if (Object.hasOwn(res, 'on')) this.#takeDrains()
    if (res.headersSent) this.#state = 'flowing'
    this.#methods = surround(res, this)
    this.#putMethods()
  }

  /** One by one: `Object.assign` takes longer. */
  #putMethods(): void {
    const res = this.#res as unknown as Record<keyof Methods, Any>
    const { write, end, writeHead, flushHeaders } = this.#methods
    res.write = write
    res.end = end
    res.writeHead = writeHead
    res.flushHeaders = flushHeaders
    if (this.#listening) Object.assign(res, this.#listening)
  }

  /** `res.write`. */
  write(args: unknown[]): unknown {
    if (this.#comesLate(args)) return false
    return this.#passes('write', args) ? this.#call('write', args) : this.#state === 'dropped'
  }

  /** `res.end`. */
  end(args: unknown[]): unknown {
    if (this.#comesLate(args)) return this.#res
    const passes = this.#passes('end', args)
    // The end of an answer that was dropped is not the end of the one in its place.
    if (passes || this.#state !== 'dropped') this.#ended = true
    return passes ? this.#call('end', args) : this.#res
  }

  /** `res.flushHeaders`. */
  flushHeaders(): void {
    if (this.#passes('flushHeaders', [])) this.#call('flushHeaders', [])
  }

  /** Whether the head has left, or what was there before has been dropped and another one may have. */
  get headSent(): boolean {
    return this.#state !== 'open' && this.#state !== 'held' && this.#res.headersSent
  }

  /** The headers for the gatekeeper, who may still set some when the handler may not. */
  get headers(): ResponseHeaders {
    return this
  }

  get(name: string): string | number | readonly string[] | undefined {
    return this.#res.getHeader(name)
  }

  set(name: string, value: string | readonly string[]): void {
    this.#own.setHeader.call(this.#res, name, value)
  }

  /** Somebody has ended the answer past us: what waits has nowhere to go. */
  #bypass(args: unknown[]): unknown {
    this.#undisguise()
    this.#calls = []
    this.#status = undefined
    this.#explicit = false
    this.#state = 'over'
    return this.#own.writeHead.apply(this.#res, args)
  }

  /** Compression before us hands those who wait on to a stream of its own, which never learns that we have made them wait. */
  #takeDrains(): void {
    const res = this.#res
    const drains = new EventEmitter()
    this.#own.on.call(res, 'drain', () => drains.emit('drain'))
    const listening: Partial<Own> = {}
    for (const method of ['on', 'removeListener'] as const) {
      listening[method] = (name, listener) => {
        if (name !== 'drain') return this.#own[method].call(res, name, listener)
        drains[method]('drain', listener as Any)
        return res
      }
    }
    this.#listening = listening
    this.#drains = drains
  }

  /** Node answers octets after the end by an error event, which ends the process where nobody listens. With express-session nothing happens. */
  #comesLate([chunk]: unknown[]): boolean {
    return (
      this.#ended &&
      !this.#calling &&
      (typeof chunk === 'string' || chunk instanceof Uint8Array) &&
      this.#res.listenerCount?.('error') === 0
    )
  }

  /** Whether a call may go to the response now. If not, it waits, or is ignored. */
  #passes(method: Method, args: unknown[]): boolean {
    if (this.#state === 'dropped') return this.#answers() ? this.#announce() : this.#ignore(args)
    // Node refuses it at once, and nothing is sent.
    if (!isSendable(method, args[0])) return true
    if (this.#state === 'open') {
      this.#endsAtOnce = method === 'end'
      this.#ask('held')
    }
    // An answer that ends with its first call has nothing between head and end.
    if (this.#state === 'flowing' && method === 'end' && !this.#endsAtOnce) this.#ask('ending')
    if (this.#state === 'held' || this.#state === 'ending') {
      this.#calls.push([method, args])
      this.disguise?.take(method)
      return false
    }
    return (this.#state as State) === 'dropped' ? this.#ignore(args) : true
  }

  /** Node sends the head with what comes after it. So do we; what it says is on the response at once, for all to see. */
  writeHead(args: unknown[]): unknown {
    const res = this.#res
    if (this.#state === 'dropped') {
      if (!this.#answers(args[0])) return res
      this.#announce()
    }
    if (this.innermost.implicit && (this.#state === 'open' || this.#state === 'held')) return this.#bypass(args)
    if (this.#status) throw headersSent(res, 'write')
    const headers = this.#state === 'open' ? headersOf(args) : undefined
    if (!headers) return this.#own.writeHead.apply(res, args)
    const [code, text] = args
    for (const [name, value] of headers) res.setHeader(name, value)
    res.statusCode = Number(code) | 0
    this.#explicit = true
    if (hasMessage(res)) {
      res.statusMessage = typeof text === 'string' ? text : res.statusMessage || (STATUS_CODES[res.statusCode] ?? 'unknown')
    }
    this.#disguiseHead()
    // HTTP/2 does not wait for what comes after it.
    if (!hasMessage(res)) res.flushHeaders()
    return res
  }

  #call(method: Method, args: unknown[]): unknown {
    const outer = this.#calling
    this.#calling = true
    try {
      return this.#own[method].apply(this.#res, args)
    } finally {
      this.#calling = outer
    }
  }

  #ask(meanwhile: Waiting): void {
    this.#state = meanwhile
    let done: MaybePromise<void>
    try {
      done = meanwhile === 'held' ? this.#gate.beforeHead() : this.#gate.beforeEnd()
    } catch (error) {
      done = Promise.reject(error)
    }
    if (!isPromise(done)) {
      this.#go(meanwhile)
      return
    }
    this.#disguiseAll(meanwhile)
    done.then(
      () => this.#release(meanwhile),
      (error: unknown) => this.#fail(meanwhile, error),
    )
  }

  #go(from: Waiting): void {
    this.#undisguise()
    this.#state = from === 'held' ? 'flowing' : 'over'
    const status = this.#status
    if (!status) return
    this.#status = undefined
    putStatus(this.#res, status)
    if (this.#explicit) this.#own.writeHead.apply(this.#res, Object.values(status))
  }

  #release(from: Waiting): void {
    const calls = this.#calls
    this.#calls = []
    let last: unknown
    try {
      this.#go(from)
      for (const [method, args] of calls) {
        if (!this.#passes(method, args)) continue
        const answer = this.#call(method, args)
        if (method === 'write') last = answer
        if (method === 'end') last = undefined
      }
    } catch (error) {
      // What Node would have thrown at the handler. It has gone on; the site's error handler is left.
      this.#calls = []
      this.#fail('held', error)
    }
    // All of them were told to wait. Node tells them to go on where it was full itself.
    if (last === true && !this.#calls.length) process.nextTick(() => this.#drains.emit('drain'))
  }

  #fail(when: Waiting, error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    if (when === 'held') this.#undisguise()
    // Not inside a promise: what comes of it may throw.
    if (when === 'ending' || this.#res.headersSent) process.nextTick(() => this.#failLate(error))
    else this.#drop(error)
  }

  /** Whoever is told breaks the answer off, or it ends as it is. */
  #failLate(error: unknown): void {
    this.#undisguise()
    this.#state = 'over'
    this.#status = undefined
    try {
      this.#gate.failed(error)
    } finally {
      // A turn later: Express lets its last error handler, who breaks the connection off, wait for as long.
      setImmediate(() => {
        if (this.#res.writableEnded) this.#calls = []
        else if (this.#gate.breaksOff?.(error)) this.#res.destroy()
        this.#release('ending')
      })
    }
  }

  #drop(error: unknown): void {
    const res = this.#res
    this.#state = 'dropped'
    this.#failure = error
    this.#ended = false
    for (const [, args] of this.#calls.splice(0)) this.#ignore(args)
    this.#status = undefined
    this.#explicit = false
    // What was put over them since, such as a compression that has ended, knows of the dropped answer only.
    if (!this.#listening) Reflect.deleteProperty(res, 'on')
    this.#putMethods()
    // Of the dropped handler, too: an `uncork` too many makes Node count below nothing.
    for (const method of ['cork', 'uncork', 'addTrailers'] as const) {
      if (this.#own[method]) Object.assign(res, { [method]: (...args: unknown[]) => this.#answers() && this.#call(method, args) })
    }
    restore(res, this.#before)
    // The dropped handler's own corks: what is written now must not wait for it.
    for (let count = res.writableCorked; count > this.#before.corked; count--) this.#own.uncork.call(res)
    // Pipes run dry into nothing. They must not be woken by the one who answers: what they write then would look like the answer.
    process.nextTick(() => this.#drains.emit?.('drain'))
    process.nextTick(() => {
      this.#drains.removeAllListeners?.('drain')
      answering.run(this, () => this.#gate.failed(error))
      this.#answered ||= res.statusCode >= 400
    })
  }

  /**
   * Whether the one who calls answers the failure. Node's async context tells; where that was lost on the way, as in an old
   * `on-finished`, the status does, unless somebody who has the context has set it.
   */
  #answers(code: unknown = this.#res.statusCode): boolean {
    const inside = answering.getStore() === this
    this.#answered ||= inside
    return inside || (!this.#answered && Number(code) >= 400)
  }

  #announce(): true {
    if (!this.#announced) {
      this.#announced = true
      // What is around this one has done its work, and what it told was dropped with the rest.
      for (let layer: HeldResponse | undefined = this; layer; layer = layer.outer) layer.#gate.beforeAnswer?.()
    }
    return true
  }

  /** Nobody will send it; who waits for that is told. */
  #ignore(args: unknown[]): false {
    const callback = args.find(arg => typeof arg === 'function')
    if (callback) process.nextTick(callback as Any, this.#failure)
    return false
  }

  /** From here on the head is what it is now. */
  #disguiseHead(): void {
    if (this.#status) return
    this.#status = statusOf(this.#res)
    this.#disguised().head()
  }

  #disguiseAll(meanwhile: Waiting): void {
    if (meanwhile === 'held') this.#disguiseHead()
    this.#disguised().body()
    if (meanwhile === 'held') this.#disguised().finished()
  }

  #disguised(): Disguise {
    this.disguise ??= new Disguise(this.#res, this.#methods.cover, (...call) => this.#calls.push(call))
    return this.disguise
  }

  #undisguise(): void {
    this.disguise?.off()
    this.disguise = undefined
  }
}

function isSendable(method: Method, chunk: unknown): boolean {
  if (method === 'end' && (chunk === undefined || chunk === null || typeof chunk === 'function')) return true
  return (method !== 'write' && method !== 'end') || typeof chunk === 'string' || chunk instanceof Uint8Array
}
