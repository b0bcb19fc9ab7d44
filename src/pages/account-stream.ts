import { PassThrough, Readable } from 'node:stream'
import type { SessionEndedError } from '../core/errors.ts'
import { signalOf } from '../core/functions.ts'
import { marksOf } from './account-view.ts'
import type { AccountSessions } from './port.ts'

/** How often an open page looks whether its user has signed in or out elsewhere. */
const LOOK_EVERY_MS = 5000
/** Proxies close what is silent for a minute. */
const BEAT_EVERY_MS = 25_000
/** Open pages of one user in this process; a page without a stream still works. */
const MOST_STREAMS = 20

/** `changed`: there is another list. `ended`: this session is over. `again`: it goes on under another id. */
type Told = 'changed' | 'ended' | 'again'

const eventOf = (name: Told): string => `event: ${name}\ndata:\n\n`

/** A stream of this one event. */
export const told = (name: Told): Readable => Readable.from([eventOf(name)])

/** The open account pages of a process, and what they are told. */
export class AccountStreams {
  readonly #sessions: AccountSessions
  readonly #open = new Map<string, number>()

  constructor(sessions: AccountSessions) {
    this.#sessions = sessions
  }

  /** What an open page is told from now on. Null: too many are open. */
  begin(session: object, userId: string): Readable | null {
    const count = this.#open.get(userId) ?? 0
    if (count >= MOST_STREAMS) return null
    const signal = signalOf(session, { every: LOOK_EVERY_MS })
    const stream = new PassThrough()
    const write = (text: string) => {
      if (!stream.writableEnded && !stream.destroyed) stream.write(text)
    }
    const beat = setInterval(() => write(':\n\n'), BEAT_EVERY_MS).unref()
    const stopLooking = this.#look(userId, () => write(eventOf('changed')))
    const stop = () => {
      clearInterval(beat)
      stopLooking()
      signal.removeEventListener('abort', end)
    }
    const end = () => {
      // Who does not read closes nothing, perhaps for long: what is written after the end would end the process.
      stop()
      write(eventOf(endOf(signal.reason)))
      stream.end()
    }
    this.#open.set(userId, count + 1)
    // Whatever breaks it off, it is closed then, and there is nobody to tell.
    stream.on('error', () => undefined)
    stream.once('close', () => {
      stop()
      const left = (this.#open.get(userId) ?? 1) - 1
      if (left > 0) this.#open.set(userId, left)
      else this.#open.delete(userId)
    })
    write(':\n\n')
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    return stream
  }

  /** Asks again and again, the next time when the last answer has come. */
  #look(userId: string, changed: () => void): () => void {
    let known: string | undefined
    let timer: NodeJS.Timeout | undefined
    let over = false
    const look = async () => {
      try {
        const marks = marksOf(await this.#sessions.list(userId))
        if (known !== undefined && known !== marks && !over) changed()
        known = marks
      } catch {
        // A store that fails now is asked again; the page itself says nothing of it.
      }
      if (!over) timer = setTimeout(look, LOOK_EVERY_MS).unref()
    }
    void look()
    return () => {
      over = true
      clearTimeout(timer)
    }
  }
}

/** Of a new id, and of an end that nobody could find out, the page's next request knows more. */
function endOf(reason: unknown): 'ended' | 'again' {
  const why = (reason as Partial<SessionEndedError> | undefined)?.reason
  return why === 'regenerated' || why === 'rotated' || why === 'unknown' ? 'again' : 'ended'
}
