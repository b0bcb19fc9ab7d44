// Processes of one site, each an app on the built package with a store client of its own; and what their browsers see.
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from '../servers/process.ts'
import type { OpenOptions } from '../stores/opened.ts'
import { clientFile, type Ground, type Subject } from '../stores/subjects.ts'

const script = fileURLToPath(new URL('site.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
const keys = ['a secret of at least thirty-two octets']

export interface SiteSetup {
  module: string
  open: OpenOptions
  keys: string[]
}

export function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [`${root}scripts/build.mjs`, '--if-stale'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the build has failed\n${stderr}`)
}

type Order = 'revokeAll' | 'revokeEveryone' | 'deleteByUser' | 'evict' | 'stop'

export class SiteProcess {
  readonly #child: ChildProcess
  readonly #answers = new Map<number, (message: { answer?: unknown; error?: string }) => void>()
  #orders = 0
  #output = ''
  port = 0

  constructor(setup: SiteSetup) {
    this.#child = fork(script, [JSON.stringify(setup)], { cwd: root, execArgv: ['--no-warnings'], silent: true })
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString()
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#child.on('message', (message: { port?: number; id?: number }) => {
      this.port = message.port ?? this.port
      this.#answers.get(message.id ?? -1)?.(message as object)
    })
  }

  get output(): string {
    return this.#output
  }

  async ready(): Promise<this> {
    await until('a process of the site', () => {
      if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.#output}`)
      return this.port > 0
    })
    return this
  }

  async order(order: Order, ...args: string[]): Promise<unknown> {
    const id = this.#orders++
    const answer = new Promise<{ answer?: unknown; error?: string }>(resolve => this.#answers.set(id, resolve))
    this.#child.send({ id, order, args })
    const { answer: given, error } = await answer
    if (error !== undefined) throw new Error(error)
    return given
  }

  /** What it exits with when it is told to stop; it is not killed. */
  async stop(): Promise<number | null> {
    const exit = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined
    await this.order('stop')
    await exit
    return this.#child.exitCode
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Two of them on one space. */
export async function startSites(subject: Subject, ground: Ground, space: string): Promise<[SiteProcess, SiteProcess]> {
  const { module, client } = subject
  const setup = { module: clientFile(module), open: { url: ground.url, space, ...(client && { client }) }, keys }
  const sites = [new SiteProcess(setup), new SiteProcess(setup)] as [SiteProcess, SiteProcess]
  onTestFinished(() => {
    for (const site of sites) site.kill()
  })
  await Promise.all(sites.map(site => site.ready()))
  return sites
}

/** A browser: one cookie, at whichever process. */
export class Browser {
  cookie = ''

  async get(site: SiteProcess, path: string): Promise<string> {
    const { response, over, text } = this.#open(site, path)
    const { headers, statusCode } = await response
    const [set] = headers['set-cookie'] ?? []
    if (set !== undefined) this.cookie = set.slice(0, set.indexOf(';'))
    await over
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${text()}`)
    return text()
  }

  /** An answer that stays open, once it has begun. */
  async listen(site: SiteProcess): Promise<Stream> {
    const { over, text, request } = this.#open(site, '/events')
    await until('the answer has begun', () => text().includes('hello'))
    return { text, ended: over, close: () => request.destroy() }
  }

  /** A socket, once it has been upgraded. */
  async upgrade(site: SiteProcess): Promise<Stream> {
    const headers = { cookie: this.cookie, connection: 'Upgrade', upgrade: 'events' }
    const request = http.get({ host: '127.0.0.1', port: site.port, path: '/socket', agent: false, headers })
    const [, socket, head] = (await once(request, 'upgrade')) as [unknown, Socket, Buffer]
    let text = head.toString()
    socket.on('data', chunk => {
      text += chunk
    })
    const ended = new Promise<number>(resolve => socket.once('close', () => resolve(performance.now())))
    await until('the socket is open', () => text.includes('hello'))
    return { text: () => text, ended, close: () => socket.destroy() }
  }

  #open(site: SiteProcess, path: string) {
    let text = ''
    const headers = this.cookie === '' ? {} : { cookie: this.cookie }
    const request = http.get({ host: '127.0.0.1', port: site.port, path, agent: false, headers })
    let close = (_at: number) => {}
    const over = new Promise<number>(resolve => {
      close = resolve
    })
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', answer => {
        answer.once('close', () => close(performance.now()))
        answer.on('data', chunk => {
          text += chunk
        })
        // One that is cut off tells it here as well.
        answer.on('error', () => {})
        resolve(answer)
      })
      request.once('error', reject)
    })
    return { request, response, over, text: () => text }
  }
}

export interface Stream {
  text(): string
  /** When it was over, by `performance.now()`. */
  ended: Promise<number>
  close(): void
}
