/** Where a command says things. Answers go to the one, what is wrong to the other, so that an answer can be piped. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** One word after `holdfast`. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string
  readonly usage: string
  /** `args` is what follows the word. What it throws as a `UsageError` is the caller's mistake. */
  run(args: readonly string[], output: Output): void | Promise<void>
}

/** The command line cannot be understood: its message and the usage are shown, and the status is 2. */
export class UsageError extends Error {}
