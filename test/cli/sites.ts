// Sites of the libraries that people come from, and the same sites on Holdfast: with the cookies of the one, to the other.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import holdfastExpress from 'holdfast/express'
import holdfastKoa from 'holdfast/koa'
import type { Loose } from '../support/subjects.ts'
import { program, root } from './support.ts'

const require = createRequire(import.meta.url)
const SECRET = 'the secret that both sites have'

export interface RunningSite {
  /** The text of an answer, and the cookies that the visitor has from then on. */
  visit(path: string, cookies?: string): Promise<{ text: string; cookies: string }>
  close(): Promise<void>
}

/** `headers`: what a proxy adds to each request. */
export async function running(listener: http.RequestListener, headers: Record<string, string> = {}): Promise<RunningSite> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    async visit(path, cookies = '') {
      const answer = await fetch(origin + path, { headers: { ...headers, cookie: cookies } })
      const jar = new Map(
        cookies
          .split('; ')
          .filter(Boolean)
          .map(pair => [pair.split('=')[0] as string, pair]),
      )
      for (const line of answer.headers.getSetCookie()) {
        const pair = line.split(';')[0] as string
        jar.set(pair.split('=')[0] as string, pair)
      }
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
      return { text, cookies: [...jar.values()].join('; ') }
    },
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** `/in/ann`, `/out`, `/cart/7`; `/` says what the session has. */
function handle(path: string, session: Loose): string {
  const [, what, value] = path.split('/')
  if (what === 'in') session.user = { id: value, text: 'ü "\\ \u2028' }
  if (what === 'cart') session.cart = value
  return JSON.stringify([session.user?.id ?? null, session.cart ?? null, session.user?.text ?? null])
}

/** With express-session, or with Holdfast in its place. */
export function expressSite(library: 'express-session' | 'holdfast', store: Loose, options: object = {}): Promise<RunningSite> {
  const session = (library === 'holdfast' ? holdfastExpress : require('express-session')) as Loose
  const app = require('express')() as Loose
  app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, store, ...options }))
  app.get('/out', (req: Loose, res: Loose, next: Loose) => req.session.destroy((error: unknown) => (error ? next(error) : res.end('out'))))
  app.use((req: Loose, res: Loose) => res.end(handle(req.path, req.session)))
  return running(app)
}

/** With koa-session, or with Holdfast in its place. */
export function koaSite(library: 'koa-session' | 'holdfast', store: Loose, options: object = {}): Promise<RunningSite> {
  const session = (library === 'holdfast' ? holdfastKoa : require('koa-session').createSession) as Loose
  const Koa = require('koa')
  const app = new Koa()
  app.keys = [SECRET]
  app.use(session({ store, ...options }, app))
  app.use((ctx: Loose) => {
    if (ctx.path === '/out') {
      ctx.session = null
      ctx.body = 'out'
    } else ctx.body = handle(ctx.path, ctx.session)
  })
  return running(app.callback())
}

export interface Started {
  child: ChildProcess
  /** Its end, and what it has said. */
  ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>
}

/** The command as a process of its own, which can be killed. */
export function started(args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', text => {
    said.out += text
  })
  child.stderr.on('data', text => {
    said.err += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }))
  return { child, ended }
}

/** Kills a migration as soon as `reached` holds; fails where it was done before. */
export async function killedWhen(migration: Started, reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) {
    if (migration.child.exitCode !== null) throw new Error(`it ended before it was killed: ${(await migration.ended).err}`)
    await new Promise(resolve => setImmediate(resolve))
  }
  migration.child.kill('SIGKILL')
  const { signal } = await migration.ended
  if (signal !== 'SIGKILL') throw new Error('it ended before it was killed')
}
