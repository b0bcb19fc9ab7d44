// Requests to a site, each noted in a history: what was asked, what was told, and when.
import { type Answer, Client } from './client.ts'
import { type Asked, History, type Kind, type Operation } from './history.ts'
import type { Worker } from './site.ts'

/** A token of a session, as a browser holds it. */
export interface Token {
  readonly session: string
  /** The one that the session began with is 0. */
  readonly ordinal: number
  readonly cookie: string
}

export interface Told extends Answer {
  operation: Operation
  /** What it brought. */
  token?: Token
}

export class Caller {
  readonly history = new History()
  readonly #client: Client
  readonly #tokens = new Map<string, number>()
  #names = 0
  #values = 0

  /** How long an answer is waited for, in ms. */
  constructor(deadline?: number) {
    this.#client = new Client(deadline)
  }

  /** Begins a session, a user's or nobody's. */
  async open(worker: Worker, user?: string, lives?: number): Promise<Told> {
    const session = `s${this.#names++}`
    const query = { s: session, ...(user !== undefined && { user }) }
    const asked: Asked = { kind: 'open', session, token: 0, worker: worker.index, ...(lives !== undefined && { lives }) }
    return this.#ask(worker, asked, query)
  }

  /** A write goes to this field. */
  async send(worker: Worker, kind: Exclude<Kind, 'open'>, { session, ordinal, cookie }: Token, field = 'a'): Promise<Told> {
    const asked: Asked = { kind, session, token: ordinal, worker: worker.index }
    if (kind !== 'write') return this.#ask(worker, asked, {}, cookie)
    const write = { field, value: `v${this.#values++}` }
    return this.#ask(worker, { ...asked, ...write }, write, cookie)
  }

  close(): void {
    this.#client.close()
  }

  async #ask(worker: Worker, asked: Asked, query: Record<string, string>, presented?: string): Promise<Told> {
    const { kind, session } = asked
    const operation = this.history.begin(asked)
    const answer = await this.#client.ask(worker, kind, query, presented)
    const { outcome, gone, error, data, count, cookie } = answer
    const brings = outcome === 'acknowledged' && cookie !== undefined && (kind === 'open' || kind === 'regenerate')
    const token = brings ? { session, ordinal: kind === 'open' ? 0 : this.#nextToken(session), cookie } : undefined
    this.history.end(operation, {
      outcome,
      ...(gone && { gone }),
      ...(error !== undefined && { error }),
      ...(data && { saw: data }),
      ...(count !== undefined && { count }),
      ...(token && kind === 'regenerate' && { next: token.ordinal }),
    })
    return { ...answer, operation, ...(token && { token }) }
  }

  #nextToken(session: string): number {
    const next = (this.#tokens.get(session) ?? 0) + 1
    this.#tokens.set(session, next)
    return next
  }
}
