import { writeSync } from 'node:fs'
import { escapeText } from '../core/text.ts'
import { type Command, type Output, UsageError } from './command.ts'
import { keygen } from './keygen.ts'
import { packageVersion } from './version.ts'

/** By the word that calls it. A new command is one file and one line here. */
const COMMANDS: ReadonlyMap<string, Command> = new Map([['keygen', keygen]])

const USAGE = `holdfast <command> [options]

${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`).join('\n')}

  --help      this text, or a command's: holdfast <command> --help
  --version   the version of holdfast`

/** The streams of this process. */
const standard: Output = {
  out: print,
  err: text => console.error(text),
}

/** A disk that is full is an error, unlike with console.log: a file of no key would look like one. Who listens no more has had enough. */
function print(text: string): void {
  try {
    writeSync(1, `${text}\n`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

/** Runs a command line. The status to end with: 0, or 2 if it cannot be understood. What fails otherwise is thrown. */
export async function main(args: readonly string[], output: Output = standard): Promise<number> {
  const [word, ...rest] = args
  if (word === '--version') return say(output, packageVersion())
  if (word === '--help' || word === '-h') return say(output, USAGE)
  if (word === undefined) return misused(output, 'which command?', USAGE)
  const command = COMMANDS.get(word)
  if (!command) return misused(output, `there is no command or option "${escapeText(word)}"`, USAGE)
  if (rest.includes('--help') || rest.includes('-h')) return say(output, command.usage)
  try {
    await command.run(rest, output)
    return 0
  } catch (error) {
    if (error instanceof UsageError || isParseError(error)) return misused(output, (error as Error).message, command.usage)
    throw error
  }
}

function say({ out }: Output, text: string): number {
  out(text)
  return 0
}

function misused({ err }: Output, problem: string, usage: string): number {
  err(`holdfast: ${problem}\n\n${usage}`)
  return 2
}

/** What node:util's parseArgs throws. */
function isParseError(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith('ERR_PARSE_ARGS_')
}
