// What clients of a site have asked and been told, in the order of one clock: that of the process which asks. Nothing of it is in the
// processes that are killed.

export type Kind = 'open' | 'read' | 'write' | 'bump' | 'regenerate' | 'logout'

/**
 * `acknowledged`: an answer of success. `refused`: told that nothing was applied, by a 401 or an error that promises so, or never sent.
 * `unknown`: anything else; it may be applied at any time, or never.
 */
export type Outcome = 'acknowledged' | 'refused' | 'unknown'

/** The data of a session as an answer shows them. */
export type Seen = Readonly<Record<string, unknown>>

export interface Operation {
  readonly kind: Kind
  /** The session, by the name that its data hold. */
  readonly session: string
  /** Which of its tokens was presented, or brought by `open`: that one is 0. */
  readonly token: number
  /** Which process of the site was asked. */
  readonly worker: number
  /** Of a write; no other one writes this value. */
  readonly field?: string
  readonly value?: string
  /** Of an `open`: how long the session lives without use, in ms, if that is short. */
  readonly lives?: number
  /** In ms, by the one clock. */
  readonly invoked: number
  /** When the answer came, or was no longer waited for. */
  returned: number
  outcome: Outcome
  /** It was told that there is no such session, or that another request has ended it. */
  gone?: boolean
  /** What an acknowledged read saw. */
  saw?: Seen
  /** What an acknowledged bump has made of the counter `n`. */
  count?: number
  /** The token that an acknowledged `regenerate` brought. */
  next?: number
  /** Why it was not acknowledged: a code such as HOLDFAST_BUSY or ECONNRESET. */
  error?: string
}

export type Asked = Omit<Operation, 'invoked' | 'returned' | 'outcome'>

/** A history as it grows. What is under way counts as unknown. */
export class History {
  readonly operations: Operation[] = []

  begin(asked: Asked): Operation {
    const operation: Operation = { ...asked, invoked: performance.now(), returned: Number.POSITIVE_INFINITY, outcome: 'unknown' }
    this.operations.push(operation)
    return operation
  }

  end(operation: Operation, told: Partial<Operation>): void {
    Object.assign(operation, told, { returned: performance.now() })
  }
}
