import { writeSync } from 'node:fs'
import { CommanderError, Command as Program } from 'commander'
import { type Command, CommandError, type Io, type Output, UsageError } from './command.ts'
import { audit } from './commands/audit.ts'
import { inspect } from './commands/inspect.ts'
import { keygen } from './commands/keygen.ts'
import { list } from './commands/list.ts'
import { migrate } from './commands/migrate.ts'
import { purge } from './commands/purge.ts'
import { revoke } from './commands/revoke.ts'
import { stats } from './commands/stats.ts'
import { Secrets } from './secrets.ts'
import { packageVersion } from './version.ts'

/** A new command is one file and one word here. */
const COMMANDS: readonly Command[] = [keygen, inspect, audit, list, revoke, stats, purge, migrate]

const EXIT_CODES = '\nExit codes: 0 done, 1 failed, 2 the command line cannot be understood or is refused.'

/** What commander says of a wrong command line, in words that repeat no argument: one might be a secret. */
const PROBLEMS: Readonly<Record<string, (message: string) => string>> = {
  'commander.unknownOption': message => `there is no option ${/'(--?[A-Za-z][\w-]{0,30})['=]/.exec(message)?.[1] ?? 'of that name'}`,
  'commander.excessArguments': () => 'there are arguments that it does not take',
  'commander.optionMissingArgument': message => `${/'(--?[\w-]+)/.exec(message)?.[1]} needs a value`,
  'commander.missingMandatoryOptionValue': message => `${/'(--?[\w-]+)/.exec(message)?.[1]} is needed`,
}

/**
 * Runs a command line. The status to end with: 0 done, 1 failed, 2 not understood. Beside the two streams `io` may hold what a test
 * puts in place of the process's own.
 */
export async function main(args: readonly string[], io: Partial<Io> = {}): Promise<number> {
  const all: Io = { ...processIo(), ...io }
  const program = programOf(all)
  if (args.length === 0) return misused(all, 'which command?', program)
  const called = program.commands.find(command => command.name() === args[0])
  try {
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    if (error instanceof CommanderError) return misused(all, problemOf(error, args), called ?? program)
    if (error instanceof UsageError) return misused(all, error.message, called ?? program)
    all.err(all.secrets.hide(`holdfast: ${messageOf(error)}`))
    return 1
  }
}

function programOf(io: Io): Program {
  const program = new Program('holdfast')
    .usage('<command> [options]')
    .description('Keys, cookies and sessions of sites that use Holdfast.')
    .version(packageVersion(), '--version', 'the version of holdfast')
    .helpOption('-h, --help', "this text, or a command's: holdfast <command> --help")
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ writeOut: text => io.out(text.replace(/\n$/, '')), writeErr: () => undefined })
  for (const command of COMMANDS)
    command.define(program.command(command.name).description(command.summary).helpOption('-h, --help', 'this text'), io)
  return program
}

function problemOf({ code, message }: CommanderError, args: readonly string[]): string {
  if (code === 'commander.unknownCommand' || args[0]?.startsWith('-')) return `there is no command or option ${nameOf(args[0])}`
  return PROBLEMS[code]?.(message) ?? 'the command line cannot be understood'
}

/** Only what looks like a name is repeated, and of an option never its value: a URL with a password may stand there. */
function nameOf(argument = ''): string {
  const name = argument.startsWith('-') ? argument.replace(/=.*/s, '') : argument
  return /^-{0,2}[a-z][\w-]{0,30}$/i.test(name) ? `"${name}"` : 'of that name'
}

function misused({ err, secrets }: Io, problem: string, program: Program): number {
  err(secrets.hide(`holdfast: ${problem}\n\n${program.helpInformation().trimEnd()}`))
  return 2
}

/** What failed, and what that came of. A mistake of this program shows where it was made. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof CommandError || 'code' in error) {
    const { cause } = error
    return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message
  }
  return error.stack ?? error.message
}

function processIo(): Io {
  const { stdin, stdout, stderr, env } = process
  const isTerminal = stderr.isTTY === true
  return {
    ...standard,
    progress: isTerminal && env.TERM !== 'dumb' ? text => stderr.write(`\r\u001b[K${text}`) : undefined,
    input: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('utf8')
    },
    env,
    cwd: process.cwd(),
    colour: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    now: () => Date.now(),
    secrets: new Secrets(),
  }
}

/** The streams of this process. Written at once: the process ends when a command has, whatever the site's own modules still wait for. */
const standard: Output = { out: text => print(1, text), err: text => print(2, text) }

/** A disk that is full is an error, unlike with console.log: a file of no key would look like one. Who listens no more has had enough. */
function print(stream: 1 | 2, text: string): void {
  for (let rest = Buffer.from(`${text}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(stream, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return
      // The pipe is full: its reader is slower than we are.
      if (code !== 'EAGAIN') throw error
      Atomics.wait(PAUSE, 0, 0, 5)
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
