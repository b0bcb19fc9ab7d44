// Processes that share a SQLite file, each on the built package.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { installNode, NEWER_NODE } from '../../scripts/node-versions.mjs'
import { opener } from './clients/sqlite.mjs'

const script = fileURLToPath(new URL('sqlite-process.mjs', import.meta.url))

/** A Node that has `node:sqlite`: this one, or one that is installed for the tests. */
export function nodeWithSqlite(): string {
  return opener('node:sqlite') ? process.execPath : installNode(NEWER_NODE)
}

export interface Work {
  /** The folder. */
  url: string
  client: string
  work: 'increment' | 'login' | 'move' | 'write'
  /** For what it makes. */
  name: string
  times: number
}

type Message = [what: string, ...details: unknown[]]

/** A process that does its work when it is told to. */
export class Worker {
  readonly #child: ChildProcess
  readonly messages: Message[] = []
  readonly #exited: Promise<unknown>

  constructor(work: Work) {
    const execPath = work.client === 'node:sqlite' ? nodeWithSqlite() : process.execPath
    this.#child = fork(script, [JSON.stringify(work)], { execPath, execArgv: ['--no-warnings'] })
    this.#child.on('message', message => this.messages.push(message as Message))
    this.#exited = once(this.#child, 'exit')
    onTestFinished(() => this.kill())
  }

  async ready(): Promise<void> {
    await this.told('ready')
  }

  begin(): void {
    this.#child.send('go')
  }

  /** The details of a message of this kind, when it has come. */
  async told(what: string): Promise<unknown[]> {
    for (;;) {
      const message = this.messages.find(([kind]) => kind === what)
      if (message) return message.slice(1)
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`a process has ended before it was ${what}`)
      await Promise.race([once(this.#child, 'message'), this.#exited])
    }
  }

  /** Its exit code, when it has ended by itself. */
  async exit(): Promise<number | null> {
    await this.#exited
    return this.#child.exitCode
  }

  /** SIGKILL: it tidies nothing up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}

/** Processes that all begin at the same moment; what each has answered. */
export async function together(works: Work[]): Promise<unknown[]> {
  const workers = works.map(work => new Worker(work))
  await Promise.all(workers.map(worker => worker.ready()))
  for (const worker of workers) worker.begin()
  const answers = await Promise.all(workers.map(async worker => (await worker.told('done'))[0]))
  const codes = await Promise.all(workers.map(worker => worker.exit()))
  if (codes.some(code => code !== 0)) throw new Error(`processes have ended with ${codes}`)
  return answers
}
