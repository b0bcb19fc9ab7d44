// Real servers for the tests: each on a free loopback port, with a temporary folder, ended by its own pid.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Ports below those that a system hands out for connections, which would take one between its choice here and the start of its server. */
const PORTS = { from: 20_000, to: 32_000 }

export async function freePort(): Promise<number> {
  const port = randomInt(PORTS.from, PORTS.to)
  const server = createServer()
  const isFree = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!isFree) return freePort()
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

const MEMORY = '/dev/shm'
const ROOM = 4 * 1024 ** 3

/** A disk in memory where there is one with room: these tests wait for hundreds of fsyncs, and no machine loses its power in them. */
function quickest(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    accessSync(MEMORY, constants.W_OK)
    return bavail * bsize >= ROOM ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** An empty folder, and how to be rid of it. */
export function temporaryFolder(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(quickest(), `holdfast-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Asks again and again until it is true; throws when `ms` have passed. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A server program that this test run has started. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #output = ''

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-10_000)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#exited = new Promise(resolve => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', error => {
        keep(Buffer.from(error.message))
        resolve()
      })
    })
    // If the tests end in the middle, their servers end too.
    process.once('exit', this.#orphan)
    void this.#exited.then(() => process.removeListener('exit', this.#orphan))
  }

  readonly #orphan = () => {
    this.#child.kill('SIGKILL')
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What the program has said last. */
  get output(): string {
    return this.#output
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.pid > 0
  }

  /** Waits until the condition holds; fails at once, with what the program said, if it has ended. */
  async ready(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
    try {
      await until(
        what,
        async () => {
          if (!this.running) throw new Error(`${what}: the program has ended`)
          return condition()
        },
        ms,
      )
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#output}`)
    }
  }

  /** SIGKILL by default is what a crash is; SIGTERM or SIGINT ask politely. Resolves when the process is gone. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.running) this.#child.kill(signal)
    await this.#exited
  }
}
