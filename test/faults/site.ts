// A site of several processes on one store, and clients that talk to it over HTTP.
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from '../servers/process.ts'
import type { OpenOptions } from '../stores/opened.ts'
import { clientFile, type Ground, type Subject } from '../stores/subjects.ts'

const script = fileURLToPath(new URL('worker.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
const KEYS = ['a secret of at least thirty-two octets']

/** Which store the processes open: a module with `open` (see test/stores/clients), and what it is told. */
export interface Target {
  module: string
  open: OpenOptions
}

export interface SiteOptions {
  /** How many processes. Default 3. */
  workers?: number
  /** Options of `createSessions`, beside the frame's: JSON, times in ms. */
  sessions?: { idleTimeout?: number; anonymousTimeout?: number; touchInterval?: number; storeTimeout?: number }
  /** Breaks the store on purpose, for the tests of the checker. */
  sabotage?: 'blind-save' | 'upsert'
}

/** What a process is told at its start. */
export interface WorkerSetup extends Target, Omit<SiteOptions, 'workers'> {
  keys: string[]
  /** 0: any. */
  port: number
}

/** Where a process stops in its next write: before the store is asked, or when the store has answered and the client has not been. */
export type StopPoint = 'before-commit' | 'committed'

export interface Facts {
  /** Octets; `heap` after a collection. */
  rss: number
  heap: number
  /** Open TCP connections of the process, of all sides. */
  sockets: number
}

let spaces = 0

/** A target of the table of stores; with `url` by another way, such as a proxy. It has a space of its own unless told. */
export function targetOf({ module, client }: Subject, ground: Ground, options: Partial<OpenOptions> = {}): Target {
  const space = `faults${process.pid.toString(36)}x${spaces++}`
  return { module: clientFile(module), open: { url: ground.url, space, ...(client && { client }), ...options } }
}

/** The processes import what was built. */
export function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [`${root}scripts/build.mjs`, '--if-stale'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the build has failed\n${stderr}`)
}

interface Message {
  port?: number
  stopped?: StopPoint
  id?: number
  answer?: unknown
  error?: string
}

/** One process of the site. */
export class Worker {
  readonly index: number
  port = 0
  readonly #setup: WorkerSetup
  readonly #answers = new Map<number, (message: Message) => void>()
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  #ready = false
  #orders = 0
  #stopped = 0
  #output = ''

  constructor(index: number, setup: WorkerSetup) {
    this.index = index
    this.#setup = setup
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it has said last. */
  get output(): string {
    return this.#output
  }

  /** Also after `kill()`, and then on the same port. */
  async start(): Promise<void> {
    const setup = JSON.stringify({ ...this.#setup, port: this.port } satisfies WorkerSetup)
    const child = fork(script, [setup], { cwd: root, execArgv: ['--no-warnings', '--expose-gc'], silent: true })
    this.#child = child
    this.#ready = false
    this.#exited = once(child, 'exit')
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-10_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', error => keep(Buffer.from(error.message)))
    child.on('message', (message: Message) => {
      if (message.port !== undefined) this.#ready = true
      this.port = message.port ?? this.port
      if (message.stopped) this.#stopped++
      if (message.id !== undefined) this.#answers.get(message.id)?.(message)
    })
    child.once('exit', () => {
      for (const tell of [...this.#answers.values()]) tell({ error: 'the process has ended' })
    })
    // On a machine with much else to do it takes long until all modules are there.
    await until(
      'a process of the site is ready',
      () => {
        if (!this.running) throw new Error(`it has ended: ${this.#output}`)
        return this.#ready
      },
      120_000,
    )
  }

  /** SIGKILL: it tidies nothing up. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.running) this.#child?.kill('SIGKILL')
    await this.#exited
  }

  facts(): Promise<Facts> {
    return this.#order('facts') as Promise<Facts>
  }

  /** Moves its clock: this many ms ahead of the machine's, or behind. */
  async clock(offsetMs: number): Promise<void> {
    await this.#order('clock', offsetMs)
  }

  /** Its next write stops there, until it is released or killed. `stopped` resolves once it has. */
  async stopAt(point: StopPoint): Promise<{ stopped: () => Promise<void> }> {
    const before = this.#stopped
    await this.#order('stopAt', point)
    return { stopped: () => until('a process has stopped in the middle of a write', () => this.#stopped > before) }
  }

  async release(): Promise<void> {
    await this.#order('release')
  }

  async #order(order: string, ...args: unknown[]): Promise<unknown> {
    if (!this.running) throw new Error('the process has ended')
    const id = this.#orders++
    const told = new Promise<Message>(resolve => this.#answers.set(id, resolve))
    // Of one that has just ended its exit tells.
    this.#child?.send({ id, order, args }, () => {})
    const { answer, error } = await told
    this.#answers.delete(id)
    if (error !== undefined) throw new Error(error)
    return answer
  }
}

export interface Site {
  readonly workers: readonly Worker[]
  /** Ends all of them; whatever they wait for. */
  stop(): Promise<void>
}

export async function startSite(target: Target, { workers: count = 3, ...options }: SiteOptions = {}): Promise<Site> {
  const setup: WorkerSetup = { ...target, ...options, keys: KEYS, port: 0 }
  const workers = Array.from({ length: count }, (_, index) => new Worker(index, setup))
  const end = () => {
    for (const worker of workers) void worker.kill()
  }
  // If the tests end in the middle, the processes end too.
  process.once('exit', end)
  const stop = async () => {
    process.removeListener('exit', end)
    await Promise.all(workers.map(worker => worker.kill()))
  }
  try {
    await Promise.all(workers.map(worker => worker.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return { workers, stop }
}
