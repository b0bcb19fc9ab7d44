const QUIET_MS = 60_000

/** Tells the developer what works less well than they think; each kind at most once a minute. */
export class Warnings {
  readonly #last = new Map<string, number>()
  readonly #print: (code: string, message: string) => void
  readonly #now: () => number

  constructor(print: (code: string, message: string) => void, now: () => number) {
    this.#print = print
    this.#now = now
  }

  /** `kind`: what counts as the same; the code as a rule. */
  warn(code: string, message: string, kind = code): void {
    const last = this.#last.get(kind)
    const now = this.#now()
    if (last !== undefined && now - last < QUIET_MS) return
    this.#last.set(kind, now)
    this.#print(code, message)
  }
}
