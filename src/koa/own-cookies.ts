import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Context } from 'koa'
import { firstCookie } from '../cookie/header.ts'
import { keygripSign, keygripVerify, type PeerKey, peerKey } from '../crypto/keygrip-signature.ts'
import type { SessionOptions } from './types.ts'
import { encode } from './wire.ts'

/**
 * What `ctx.cookies` would do, without it, where everything on the way is Koa's own: a request that nobody has asked for `ctx.cookies`
 * yet, the class that Koa makes it of, and secrets in a list. It does the plain case and no other: the newest secret has signed what came,
 * and no cookie is set yet. Whatever else there is, it says so, and Koa does it. Headers and their order are Koa's: see `Form`.
 *
 * By way of `ctx.cookies` a request that reads a session of 200 octets takes 62 µs, and 111 if it writes it; by this, 38 and 62: Keygrip
 * compares by two more HMACs and random octets, and lines are put together attribute by attribute.
 */
export class OwnCookies {
  readonly #app: App
  readonly #koas: Koas | undefined
  readonly #settings: SessionOptions
  readonly #signed: boolean
  #secret: string | undefined
  #key: PeerKey | undefined
  /** By what they depend on beside the options: the connection, and whether the cookie ends by itself. */
  readonly #forms: (Form | undefined)[] = []

  constructor(app: object, koas: Koas | undefined, settings: SessionOptions) {
    this.#app = app as App
    this.#koas = koas
    this.#settings = settings
    this.#signed = settings.signed && !settings.encrypt
  }

  /** The cookie's text, undefined where none came; false: ask Koa. */
  read(ctx: Context): string | undefined | false {
    if (!this.#rules(ctx)) return false
    const { cookie } = ctx.req.headers
    if (!cookie) return undefined
    const { key: name } = this.#settings
    const value = firstCookie(cookie, name)
    if (value === undefined) return undefined
    if (value === '' || value[0] === '"') return false
    if (!this.#signed) return value
    const key = this.#signingKey()
    const signature = key && firstCookie(cookie, `${name}.sig`)
    return key && signature && keygripVerify(name, value, signature, key.secret) ? value : false
  }

  /** Sets the cookie, and its signature beside it. `maxAge` in ms. False: ask Koa. */
  write(ctx: Context, value: string, maxAge: number | undefined): boolean {
    const { res } = ctx
    if (!isPlain(value, this.#settings) || !this.#rules(ctx) || 'set' in res || res.getHeader('Set-Cookie') !== undefined) return false
    const key = this.#signed ? this.#signingKey() : undefined
    if (this.#signed && !key) return false
    const attributes = this.#formOf(ctx.request.secure, Boolean(maxAge)).attributes(maxAge)
    if (attributes === undefined) return false
    const { key: name } = this.#settings
    const line = `${name}=${value}${attributes}`
    res.setHeader('Set-Cookie', key ? [line, `${name}.sig=${keygripSign(name, value, key.secret)}${attributes}`] : [line])
    return true
  }

  #formOf(secure: boolean, ends: boolean): Form {
    const place = (secure ? 1 : 0) + (ends ? 2 : 0)
    const form = this.#forms[place] ?? new Form((this.#koas as Koas).Cookies, this.#settings, secure, ends)
    this.#forms[place] = form
    return form
  }

  /** Whether `ctx.cookies` would take the browser's connection for an encrypted one; undefined: ask Koa. */
  secure(ctx: Context): boolean | undefined {
    return this.#rules(ctx) ? ctx.request.secure : undefined
  }

  /** Nobody has asked for `ctx.cookies`, or put anything in its place: on this request, on its app, or in the class. */
  #rules(ctx: Context): boolean {
    const koas = this.#koas
    return (
      koas !== undefined &&
      !isEmpty(this.#app.keys) &&
      (ctx as unknown as Slots)[koas.slot] === undefined &&
      Object.getPrototypeOf(ctx) === this.#app.context &&
      (ctx.app as unknown) === this.#app &&
      koas.get === koas.Cookies.prototype.get &&
      koas.set === koas.Cookies.prototype.set &&
      !Object.hasOwn(ctx, 'cookies') &&
      !Object.hasOwn(this.#app.context, 'cookies')
    )
  }

  /** The key that signs, where the secrets are a list; it may change at any time. */
  #signingKey(): PeerKey | undefined {
    const { keys } = this.#app
    const secret: unknown = Array.isArray(keys) ? keys[0] : undefined
    if (typeof secret !== 'string' || secret === '') return undefined
    if (secret !== this.#secret) {
      this.#secret = secret
      this.#key = peerKey(secret, 'app.keys')
    }
    return this.#key
  }
}

/** Koa's class refuses an empty list of secrets. */
function isEmpty(keys: unknown): boolean {
  return Array.isArray(keys) && !(0 in keys)
}

/** What any cookie can carry: what we have written ourselves, and of the site's own ids and encoders what has no odd character. */
function isPlain(value: string, { encode: own, encrypt, store, ContextStore }: SessionOptions): boolean {
  const isOurs = (encrypt || own === encode) && !store && !ContextStore
  return isOurs ? value !== '' : /^[\w+/=.-]+$/.test(value)
}

interface App {
  context: object
  keys?: unknown
}

type Slots = Record<symbol, unknown>

interface Cookies {
  get: unknown
  set(name: string, value: string, options: object): unknown
}

/** What Koa makes `ctx.cookies` of, and where it keeps it. */
export interface Koas {
  slot: symbol
  Cookies: { new (req: object, res: object, options: object): Cookies; prototype: Cookies }
  get: unknown
  set: unknown
}

/** Found out by a context that belongs to no request. Undefined where anything is not as Koa makes it. */
export function koasOf({ context }: { context: object }): Koas | undefined {
  if (typeof context !== 'object' || context === null || Object.hasOwn(context, 'cookies')) return undefined
  const secret = 'holdfast'
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  const own = { app: { keys: [secret] }, req, res, request: { secure: false } }
  const ctx = Object.assign(Object.create(Object.getPrototypeOf(context)), own)
  try {
    const cookies = ctx.cookies
    const slot = Object.getOwnPropertySymbols(ctx).find(symbol => ctx[symbol] === cookies)
    const prototype = Object.getPrototypeOf(cookies)
    const isKoas =
      slot !== undefined &&
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(context), 'cookies')?.get !== undefined &&
      Object.keys(cookies).every(name => ['secure', 'request', 'response', 'keys'].includes(name)) &&
      cookies.keys.sign('name=value') === keygripSign('name', 'value', peerKey(secret, '').secret)
    return isKoas ? { slot, Cookies: prototype.constructor, get: prototype.get, set: prototype.set } : undefined
  } catch {
    return undefined
  }
}

/** The attributes of a cookie, as Koa's own class has once written them. */
class Form {
  /** Before and after the time, or the whole. */
  readonly #parts: readonly string[]
  #second = Number.NaN
  #text = ''

  constructor(Cookies: Koas['Cookies'], settings: SessionOptions, secure: boolean, ends: boolean) {
    this.#parts = learn(Cookies, settings, secure, ends)
  }

  /** Undefined where they are not of a form that is known here, or Koa refuses them. */
  attributes(maxAge: number | undefined): string | undefined {
    const parts = this.#parts
    if (parts.length < 2) return parts[0]
    const end = Date.now() + (maxAge as number)
    const second = Math.floor(end / 1000)
    // A date costs 0.5 µs to write, and is the same for a second.
    if (second !== this.#second) {
      if (!Number.isFinite(end)) return undefined
      this.#second = second
      this.#text = parts.join(new Date(end).toUTCString())
    }
    return this.#text
  }
}

function learn(Cookies: Koas['Cookies'], settings: SessionOptions, secure: boolean, ends: boolean): readonly string[] {
  let lines: readonly string[] = []
  const res = {
    getHeader: () => undefined,
    setHeader: (_name: string, value: readonly string[]) => {
      lines = value
    },
  }
  try {
    const cookies = new Cookies({ headers: {} }, res, { secure })
    cookies.set(settings.key, 'value', { ...settings, signed: false, maxAge: ends ? 1000 : undefined })
  } catch {
    // What Koa refuses it shall refuse itself.
    return []
  }
  const [line = ''] = lines
  const head = `${settings.key}=value`
  if (lines.length !== 1 || !line.startsWith(head)) return []
  const text = line.slice(head.length)
  const parts = ends ? text.split(/(?<=; expires=)[^;]+/) : [text]
  return parts.length === (ends ? 2 : 1) ? parts : []
}
