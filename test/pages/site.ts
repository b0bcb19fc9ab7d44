// A site with the account page and the admin page on it, on each framework, and a visitor who uses forms as a browser without scripts does.
import http from 'node:http'
import { createRequire } from 'node:module'
import express5 from 'express'
import { type CreateSessionsOptions, createSessions, reauthenticated, type Sessions, userIdOf } from 'holdfast'
import { type AccountOptions, account } from 'holdfast/account'
import { type AdminOptions, admin } from 'holdfast/admin'
import expressSession from 'holdfast/express'
import koaSession from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { listening, portOf } from '../promises/serving.ts'
import { type Answer, keys } from '../promises/support.ts'
import { full } from '../support/full.ts'
import { createApp, type Loose } from '../support/subjects.ts'

const express4 = createRequire(import.meta.url)('express4')

export type Framework = 'Koa 2' | 'Koa 3' | 'Express 4' | 'Express 5'
/** `npm run test:full` plays all. */
export const frameworks: readonly Framework[] = full ? ['Koa 2', 'Koa 3', 'Express 4', 'Express 5'] : ['Koa 3', 'Express 5']

/** What browsers call themselves, by the label that a login makes of it. */
export const AGENTS = {
  'Firefox on Linux': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0',
  'Chrome on Windows': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36',
  'Microsoft Edge on Windows':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0',
  'Chrome on Android':
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36',
  'Safari on iPhone':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1',
  'Safari on macOS':
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15',
}
/** Where the addresses of the tests are (RFC 5737); nobody knows of the others. */
const PLACES: Record<string, string> = { '192.0.2.1': 'Berlin', '192.0.2.2': 'Hamburg', '192.0.2.3': 'Vienna', '192.0.2.4': 'Malmö' }

export interface SiteOptions {
  sessions?: Partial<CreateSessionsOptions>
  account?: AccountOptions
  admin?: Partial<AdminOptions<Loose>>
  store?: Loose
  /** Runs before the pages: a body parser of the app. */
  parser?: 'koa' | 'express'
}

export interface PagesSite {
  server: http.Server
  port: number
  url: string
  sessions: Sessions<object>
  store: Loose
  /** The events of the admin page, in order. */
  actions: Loose[]
  errors: Loose[]
}

export async function openSite(framework: Framework, options: SiteOptions = {}): Promise<PagesSite> {
  const store = options.store ?? new MemoryStore()
  const device = { locate: (ip: string) => PLACES[ip] }
  const sessions = createSessions<object>({ keys, store, device, ...options.sessions } as Loose)
  const actions: Loose[] = []
  const errors: Loose[] = []
  sessions.on('admin:action', event => actions.push(event))
  const pages = [
    account(sessions, { signInUrl: '/login', reauthenticateUrl: '/confirm', homeUrl: '/', ...options.account }),
    admin(sessions, { authorize: (source: Loose) => userIdOf(source.session) === 'root', reauthenticateUrl: '/confirm', ...options.admin }),
  ]
  const app = framework.startsWith('Koa') ? onKoa(framework, sessions, pages, errors) : onExpress(framework, sessions, pages, errors)
  const server = await listening(http.createServer(app))
  const port = portOf(server)
  return { server, port, url: `http://localhost:${port}`, sessions, store, actions, errors }
}

function onKoa(framework: Framework, sessions: Sessions<object>, pages: Loose[], errors: Loose[]): http.RequestListener {
  const app = createApp(framework === 'Koa 2' ? 2 : 3)
  app.proxy = true
  app.on('error', (error: Loose) => errors.push(error))
  app.use(koaSession(sessions, app))
  for (const page of pages) app.use(page)
  app.use(async (ctx: Loose) => {
    const body = await route(ctx.path, ctx.query, ctx.session)
    if (body !== undefined) Object.assign(ctx, { type: 'html', body })
  })
  return app.callback()
}

function onExpress(framework: Framework, sessions: Sessions<object>, pages: Loose[], errors: Loose[]): http.RequestListener {
  const app: Loose = framework === 'Express 4' ? express4() : (express5 as Loose)()
  app.set('trust proxy', true)
  app.use(expressSession(sessions))
  for (const page of pages) app.use(page)
  app.use((req: Loose, res: Loose, next: Loose) => {
    route(req.path, req.query, req.session).then(body => (body === undefined ? next() : res.send(body)), next)
  })
  app.use((error: Loose, _req: Loose, res: Loose, _next: Loose) => {
    errors.push(error)
    res.status(error.status ?? 500).send('failed')
  })
  return app
}

/** What stands around the pages: a login, a proof, and who one is. */
async function route(path: string, query: Loose, session: Loose): Promise<string | undefined> {
  if (path === '/login' && query.user !== undefined) {
    await session.login(String(query.user))
    return 'in'
  }
  if (path === '/login' || path === '/' || path === '/favicon.ico') return '<!doctype html><title>Shop</title><h1>Shop</h1>'
  if (path === '/confirm') return reauthenticated(session).then(() => 'confirmed')
  if (path === '/whoami') return userIdOf(session) ?? 'nobody'
  return undefined
}

export interface Form {
  /** All fields, with those of the button that is pressed. */
  fields: Record<string, string>
  /** What a screen reader says of its button. */
  button: string
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }
export const unescaped = (text: string): string => text.replace(/&(?:amp|lt|gt|quot|#39);/g, entity => ENTITIES[entity] as string)
export const textOf = (html: string): string =>
  unescaped(html.replace(/<[^>]*>/g, ''))
    .replace(/\s+/g, ' ')
    .trim()

/** The forms of a page that are sent by POST, each with its one button. */
export function formsOf(page: string): Form[] {
  return [...page.matchAll(/<form[^>]*method="post"[^>]*>([\s\S]*?)<\/form>/g)].map(([, inside = '']) => {
    const fields: Record<string, string> = {}
    for (const [, name = '', value = ''] of inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g))
      fields[name] = unescaped(value)
    const [, attributes = '', words = ''] = /<button([^>]*)>([\s\S]*?)<\/button>/.exec(inside) ?? []
    const name = / name="([^"]*)"/.exec(attributes)?.[1]
    if (name) fields[name] = unescaped(/ value="([^"]*)"/.exec(attributes)?.[1] ?? '')
    return { fields, button: textOf(words) }
  })
}

/** The session cards of a page, as text. */
export const cardsOf = (page: string): string[] =>
  [...page.matchAll(/<li class="card device[^"]*">([\s\S]*?)<\/li>/g)].map(([, inside = '']) =>
    textOf(inside.replace(/<form[\s\S]*<\/form>/, '')),
  )

export const pressed = (page: string, button: string | RegExp): Form => {
  const found = formsOf(page).filter(form => (typeof button === 'string' ? form.button === button : button.test(form.button)))
  if (found.length !== 1) throw new Error(`${found.length} buttons "${button}" among: ${formsOf(page).map(form => form.button)}`)
  return found[0] as Form
}

/** A browser without scripts: it keeps cookies, sends forms and follows no redirect by itself. */
export class Person {
  readonly cookies = new Map<string, string>()
  readonly site: PagesSite

  constructor(site: PagesSite) {
    this.site = site
  }

  header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#send('GET', path, headers)
  }

  async login(user: string, userAgent: string = AGENTS['Firefox on Linux'], ip = '192.0.2.1'): Promise<this> {
    await this.get(`/login?${new URLSearchParams({ user })}`, { 'user-agent': userAgent, 'x-forwarded-for': ip })
    return this
  }

  async whoami(): Promise<string> {
    return (await this.get('/whoami')).body
  }

  send(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const body = new URLSearchParams(fields).toString()
    return this.#send('POST', path, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body)
  }

  /** Sends a form by its button, and goes where the answer leads. */
  async press(path: string, button: string | RegExp): Promise<Answer> {
    const { fields } = pressed((await this.get(path)).body, button)
    const answer = await this.send(path, fields, { 'sec-fetch-site': 'same-origin' })
    if (answer.status !== 303) return answer
    const next = new URL(String(answer.headers.location), new URL(path, this.site.url))
    return this.get(next.pathname + next.search, { 'sec-fetch-site': 'same-origin' })
  }

  #send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const cookie = this.header()
      const all = {
        ...(cookie && { cookie }),
        ...headers,
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      }
      const request = http.request(
        { host: '127.0.0.1', port: this.site.port, path, method, headers: all, agent: false },
        async response => {
          const pieces: Buffer[] = []
          for await (const piece of response) pieces.push(piece as Buffer)
          const setCookie = response.headers['set-cookie'] ?? []
          for (const line of setCookie) {
            const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
            if (/; (expires=Thu, 01 Jan 1970|max-age=0)/i.test(line)) this.cookies.delete(name)
            else this.cookies.set(name, value)
          }
          const octets = Buffer.concat(pieces)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, setCookie, body: octets.toString(), octets })
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  }
}
