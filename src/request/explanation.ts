import type { CommitIntent, CommitResult } from '../core/config.ts'
import type { Session } from '../core/session.ts'

/** What is known of a request when its head leaves. */
export interface Outcome {
  skipped: boolean
  /** The handler has looked at the session. */
  accessed: boolean
  session: Session | undefined
}

/** Why a session that is not stored is not, by the last event that said so. */
const KEPT_OUT: Record<string, string> = {
  'session:refused refused': 'onCreate refused it',
  'session:conflict guarded': 'another request changed whom it belongs to',
  'session:ambiguous several': 'two cookies of its name are good, and nobody knows which is meant',
  'session:gone gone': 'another request ended it meanwhile',
  'session:gone dropped': 'it was ended before, so what the handler changed is dropped',
  'store:error load': 'the store could not be asked, and onStoreError said to go on without it',
  'clock:skew ahead': 'the clocks of this process and of the store differ by more than a minute',
}

/** Takes down what happens to one request's session. Only in development: it says what would help an attacker. It knows no id, no data and no key of them. */
export class Explanation {
  #token: boolean | undefined
  #events: string[] = []
  /** The last commit that did something. */
  #commit: { intent: CommitIntent; result: CommitResult; created: boolean } | undefined
  #cookie: { action: CommitResult['action']; barred: 'error' | 'drop' | undefined } | undefined

  /** The request was read: with a token or without. */
  came(withToken: boolean): void {
    this.#token = withToken
  }

  noted(name: string, reason: string): void {
    this.#events.push(`${name} ${reason}`)
  }

  /** `created`: there was no record before. */
  committed(intent: CommitIntent, result: CommitResult, created: boolean): void {
    if (this.#commit && result.action === 'none' && !intent.force && !intent.regenerate) return
    this.#commit = { intent, result, created }
  }

  told(action: CommitResult['action'], barred: 'error' | 'drop' | undefined): void {
    this.#cookie = { action, barred }
  }

  lines(outcome: Outcome): { session: string; cookie: string } {
    if (outcome.skipped)
      return { session: 'none: skip says that this request has no session', cookie: 'not set: the request has no session' }
    return { session: `${this.#opened(outcome)}; ${this.#saved(outcome)}`, cookie: this.#set(outcome) }
  }

  #opened({ accessed, session }: Outcome): string {
    if (!session) return accessed ? 'not opened' : 'not opened, because the handler did not look at it'
    if (this.#token === false) return 'new, because no token came'
    const [event] = this.#events
    if (event !== undefined && !/ (gone|dropped|refused|guarded|first)$/.test(event)) return `token not accepted (${event})`
    return this.#token === undefined ? 'not read' : 'loaded'
  }

  #saved({ accessed, session }: Outcome): string {
    if (!session) return 'not saved'
    if (session.pending) return 'not ended yet: the store failed, and it is tried again'
    if (session.ended) return 'ended: the handler asked for it'
    const { intent, result, created } = this.#commit ?? {}
    if (session.settled) {
      if (intent?.regenerate) return 'saved: under a new id, as the handler asked'
      if (session.modified) return created ? 'saved: it is new and the handler wrote to it' : 'saved: the handler changed it'
      return intent?.force ? 'saved: the handler asked for it' : 'not saved: only its life was lengthened'
    }
    if (result?.action === 'dropped') return 'not saved: no cookie could be set for it'
    const reason = this.#events.map(event => KEPT_OUT[event]).findLast(text => text !== undefined)
    if (reason !== undefined) return `not saved: ${reason}`
    if (session.detached) return 'not saved: it was ended by another request, and only login() or regenerate() begins a new one'
    if (!accessed) return 'not saved: the handler did not look at it'
    if (!session.differs(session.snapshot()))
      return session.loaded ? 'not saved: the handler changed nothing' : 'not saved: it is new and empty'
    return 'not saved: saving failed, or the answer left before'
  }

  #set({ session }: Outcome): string {
    const { action, barred } = this.#cookie ?? {}
    if (action === 'dropped' || barred === 'drop') return 'not set: the cookie is Secure and the request looks like plain http'
    if (barred === 'error') return 'not set: the headers had left before'
    if (action === 'clear') return 'cleared: the session was ended'
    if (action === 'set') {
      const { intent, created } = this.#commit ?? {}
      if (intent?.regenerate) return 'set: the session has a new id'
      return created ? 'set: the session is new' : 'set: its content, its life or its key changed'
    }
    if (session?.ended || !session?.loaded) return 'not set: nothing was stored'
    return 'not set: the browser has it already'
  }
}
