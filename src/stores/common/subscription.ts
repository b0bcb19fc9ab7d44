import { setTimeout as sleep } from 'node:timers/promises'
import type { Ended, EndingsListener, Unwatch } from '../../core/store.ts'

/** What a subscription is told by its connection. */
export interface Line {
  tell(ended: Ended): void
  lost(): void
}

/** Opens a connection that hears of ends, and gives what closes it. Null: it cannot be had here. */
type Open = (line: Line) => Promise<Unwatch | null>

/** A handler that follows its session for a moment must not cost a connection each time. */
const LINGER_MS = 2000
/** How long a message of one's own may be on its way. */
const PROOF_MS = 2000

/** One connection for all who listen: made for the first of them, closed a while after the last has gone. */
export class Subscription {
  readonly #open: Open
  readonly #listeners = new Set<EndingsListener>()
  #opening: Promise<Unwatch | null> | undefined
  #leaving: NodeJS.Timeout | undefined
  #closed = false

  constructor(open: Open) {
    this.#open = open
  }

  async watch(listener: EndingsListener): Promise<Unwatch | null> {
    if (this.#closed) return null
    clearTimeout(this.#leaving)
    this.#listeners.add(listener)
    this.#opening ??= this.#begin()
    try {
      if (await this.#opening) return async () => this.#leave(listener)
    } catch (error) {
      this.#leave(listener)
      throw error
    }
    this.#leave(listener)
    return null
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
    await this.#end()
  }

  #begin(): Promise<Unwatch | null> {
    let gone = false
    const line: Line = {
      tell: ended => {
        if (!gone) for (const listener of this.#listeners) listener.ended(ended)
      },
      lost: () => {
        if (gone) return
        gone = true
        // One that never began to tell has failed, and not been lost.
        opening.then(close => close && this.#lose(opening), ignore)
      },
    }
    const failed = () => {
      if (this.#opening === opening) this.#opening = undefined
    }
    const open = async () => {
      const close = await this.#open(line)
      // What has broken says nothing of whether it can be had.
      if (!close && gone) throw new Error('the connection was lost before it told anything')
      return close
    }
    // Not before it is known by its name.
    const opening = Promise.resolve().then(open)
    opening.then(close => close ?? failed(), failed)
    return opening
  }

  #lose(opening: Promise<Unwatch | null>): void {
    // A later connection is not meant, nor one that was let go of.
    if (this.#opening !== opening) return
    this.#end().catch(ignore)
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener.lost()
  }

  #leave(listener: EndingsListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return
    this.#leaving = setTimeout(() => this.#end().catch(ignore), LINGER_MS).unref()
  }

  async #end(): Promise<void> {
    clearTimeout(this.#leaving)
    const opening = this.#opening
    this.#opening = undefined
    await (await opening?.catch(ignore))?.()
  }
}

/** A message of one's own that has to come back: else nobody's would, whatever stands between. */
export class Proof {
  readonly text = `proof.${Math.random().toString(36).slice(2)}`
  #arrived = () => {}
  readonly #arrival = new Promise<true>(resolve => {
    this.#arrived = () => resolve(true)
  })

  /** Whether this was it. */
  meets(text: string): boolean {
    if (text !== this.text) return false
    this.#arrived()
    return true
  }

  /** Whether it comes back when it is sent. */
  async holds(send: (text: string) => Promise<unknown>): Promise<boolean> {
    const patience = new AbortController()
    try {
      await send(this.text)
      return await Promise.race([this.#arrival, sleep(PROOF_MS, false, { signal: patience.signal, ref: false })])
    } finally {
      patience.abort()
    }
  }
}

function ignore(): undefined {}
