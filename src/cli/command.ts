import type { Command as Program } from 'commander'
import type { Secrets } from './secrets.ts'

/** Where a command says things. Answers go to the one, what is wrong to the other, so that an answer can be piped. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** All that a command may know of the process that runs it. */
export interface Io extends Output {
  /** What a command may write over again, on a terminal only: the progress of a long one. Absent where stderr is a file or a pipe. */
  progress?: ((text: string) => void) | undefined
  /** The whole of standard input. */
  input(): Promise<string>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin, and where the site's packages are looked for. */
  readonly cwd: string
  /** Whether answers may have colours: on a terminal, unless NO_COLOR is set (https://no-color.org). */
  readonly colour: boolean
  now(): number
  /** What must not be said, whoever's error says it. */
  readonly secrets: Secrets
}

/** One word after `holdfast`. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Options, arguments and what is done. What it throws as a `UsageError` is the caller's mistake. */
  define(program: Program, io: Io): void
}

/** The command line cannot be understood: its message and the usage are shown, and the status is 2. */
export class UsageError extends Error {}

/** What was asked for could not be done: its message is shown, and the status is 1. */
export class CommandError extends Error {}
