import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Io, UsageError } from './command.ts'

/** What is so short would be found in every other word. */
const LEAST = 3

/** Texts that no message may repeat, not even one of a database's client. */
export class Secrets {
  readonly #texts = new Set<string>()

  add(...texts: string[]): void {
    for (const text of texts) if (text.length >= LEAST) this.#texts.add(text)
  }

  hide(text: string): string {
    let hidden = text
    // The longest first: one may hold another.
    for (const secret of [...this.#texts].sort((a, b) => b.length - a.length)) hidden = hidden.replaceAll(secret, '***')
    return hidden
  }
}

/** The three ways by which a command is told a secret: never as an argument, which every user of the machine can see. */
export interface SecretSource {
  env?: string | undefined
  file?: string | undefined
  input?: boolean | undefined
}

/** What an environment variable, a file or standard input holds, without the line feed that editors add. */
export async function readSecret({ env, file, input }: SecretSource, what: string, io: Io): Promise<string> {
  const text = input ? await io.input() : env !== undefined ? fromEnv(env, io) : fromFile(file as string, what, io)
  const trimmed = text.replace(/\r?\n$/, '')
  if (trimmed === '') throw new UsageError(`${what}: there is nothing in it`)
  return trimmed
}

function fromEnv(name: string, { env }: Io): string {
  // A name, so that a secret which was put there by mistake is not repeated.
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new UsageError('that is not the name of an environment variable')
  const value = env[name]
  if (value === undefined) throw new UsageError(`the environment variable ${name} is not set`)
  return value
}

function fromFile(path: string, what: string, { cwd }: Io): string {
  try {
    return readFileSync(resolve(cwd, path), 'utf8')
  } catch (error) {
    throw new UsageError(`${what}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
