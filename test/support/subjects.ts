import { createRequire } from 'node:module'
import holdfastSession from 'holdfast/koa'
import Koa from 'koa'
import peerSession from 'koa-session'

/** The two libraries are driven through one loose type, because the peer types its own `ctx` as `any`. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Loose = any

/** What the scripted handlers use of Koa's context; `session` is what is under test. */
export interface Ctx {
  app: Loose
  req: Loose
  res: Loose
  request: Loose
  response: Loose
  session: Loose
  sessionOptions: Loose
  cookies: Loose
  state: Loose
  body: unknown
  status: number
  path: string
  method: string
  query: Record<string, string>
  type: string
  etag: string
  fresh: boolean
  respond: boolean
  get(name: string): string
  set(name: string, value: string | string[]): void
  throw(...args: unknown[]): never
  redirect(url: string): void
}

export type Next = () => Promise<unknown>
type Middleware = (ctx: Ctx, next: Next) => unknown

/** The function that a library exports by default. */
export type SessionFunction = (...args: Loose[]) => Middleware

export interface Subject {
  name: string
  session: SessionFunction
}

export const peer: Subject = { name: 'koa-session', session: peerSession as unknown as SessionFunction }
export const holdfast: Subject = { name: 'holdfast', session: holdfastSession as unknown as SessionFunction }

export type KoaMajor = 2 | 3

const require = createRequire(import.meta.url)
const versions: Record<KoaMajor, new () => Loose> = { 2: require('koa2'), 3: Koa as unknown as new () => Loose }

export const koaMajors: KoaMajor[] = [2, 3]

export function createApp(koa: KoaMajor): Loose {
  return new versions[koa]()
}
