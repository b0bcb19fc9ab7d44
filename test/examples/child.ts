import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Server {
  url: string
  /** All that the process has printed so far, both streams. */
  output(): string
  /** Sends the signal to this process alone and waits until it has ended. */
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

const running = new Set<ChildProcess>()

/** Runs one of the repository's scripts on a free port; resolves as soon as it prints its address. */
export async function startServer(script: string, env: Record<string, string> = {}): Promise<Server> {
  if (!existsSync(new URL('../../dist/koa.js', import.meta.url))) {
    throw new Error('dist/koa.js is missing: examples and demo import the built package, so run `npm run build` first')
  }
  const child = spawn(process.execPath, [script], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'development', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    })
  })
  const url = await new Promise<string>((resolve, reject) => {
    const read = (text: string) => {
      output += text
      const printed = /http:\/\/localhost:\d+/.exec(output)
      if (printed) resolve(printed[0])
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    ended.then(({ code, signal }) => reject(new Error(`${script} ended before it listened (${code ?? signal}):\n${output}`)), reject)
  })
  return {
    url,
    output: () => output,
    stop(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** For afterEach: ends, by process id, what a failed test has left. */
export function killLeftovers(): void {
  for (const child of running) child.kill('SIGKILL')
}

interface Answer {
  status: number
  body: string
  setCookie: string[]
}

/** A visitor: keeps cookies as a browser does, as far as one origin and no path go. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly url: string
  readonly headers: Record<string, string>

  constructor(url: string, headers: Record<string, string> = {}) {
    this.url = url
    this.headers = headers
  }

  /** What it sends back. */
  cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(path = '/'): Promise<Answer> {
    return this.#ask(path)
  }

  /** Without a body. */
  ask(path: string, method: string): Promise<Answer> {
    return this.#ask(path, { method })
  }

  /** Sends a form. */
  submit(path: string, form: Record<string, string> = {}): Promise<Answer> {
    return this.#ask(path, { method: 'POST', body: new URLSearchParams(form) })
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const cookie = this.cookie()
    const response = await fetch(this.url + path, {
      redirect: 'manual',
      ...init,
      headers: { ...this.headers, ...(cookie && { cookie }) },
    })
    const setCookie = response.headers.getSetCookie()
    for (const line of setCookie) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const expires = /; expires=([^;]+)/i.exec(line)?.[1]
      if (expires && Date.parse(expires) <= Date.now()) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return { status: response.status, body: await response.text(), setCookie }
  }
}
