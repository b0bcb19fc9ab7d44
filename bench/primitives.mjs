// What no session library can do without, and nothing else: the sums that Holdfast is measured by.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { koaApp } from './apps/koa.mjs'
import { changing, KEYS } from './routes.mjs'

const NAME = 'koa.sess'
const secret = createSecretKey(Buffer.from(KEYS[0]))
const sealingKey = createSecretKey(randomBytes(32))

/** A cookie's value in a Cookie header. */
function find(header, name) {
  const from = header.indexOf(`${name}=`) + name.length + 1
  const to = header.indexOf(';', from)
  return to < 0 ? header.slice(from) : header.slice(from, to)
}

const signature = (algorithm, text) => createHmac(algorithm, secret).update(text).digest('base64url')

function verify(algorithm, text, given) {
  if (!timingSafeEqual(Buffer.from(signature(algorithm, text)), Buffer.from(given))) throw new Error('a bad signature')
}

/** A peer's pair of cookies: base64 of JSON, and its signature. */
const signed = {
  read(header) {
    const value = find(header, NAME)
    verify('sha1', `${NAME}=${value}`, find(header, `${NAME}.sig`))
    return JSON.parse(Buffer.from(value, 'base64').toString())
  },
  write(data) {
    const value = Buffer.from(JSON.stringify(data)).toString('base64')
    const sig = signature('sha1', `${NAME}=${value}`)
    return [`${NAME}=${value}; path=/; secure; httponly`, `${NAME}.sig=${sig}; path=/; secure; httponly`]
  },
}

/** An encrypted cookie that says until when it is good. */
const sealed = {
  read(header) {
    const octets = Buffer.from(find(header, NAME), 'base64url')
    const end = octets.length - 16
    const decipher = createDecipheriv('aes-256-gcm', sealingKey, octets.subarray(0, 12))
    decipher.setAuthTag(octets.subarray(end))
    const text = decipher.update(octets.subarray(12, end))
    decipher.final()
    return JSON.parse(text.toString())
  },
  write(data) {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce)
    const octets = Buffer.concat([nonce, cipher.update(JSON.stringify(data)), cipher.final(), cipher.getAuthTag()])
    const expires = new Date(Date.now() + 86_400_000).toUTCString()
    return [`${NAME}=${octets.toString('base64url')}; Path=/; Expires=${expires}; HttpOnly; Secure; SameSite=Lax`]
  },
}

/** A signed id, and JSON in a store that needs no I/O. */
function stored() {
  const texts = new Map()
  const ids = new WeakMap()
  return {
    read(header) {
      const value = find(header, NAME)
      const dot = value.lastIndexOf('.')
      const id = value.slice(0, dot)
      verify('sha256', id, value.slice(dot + 1))
      const data = JSON.parse(texts.get(id))
      ids.set(data, id)
      return data
    },
    write(data) {
      const known = ids.get(data)
      const id = known ?? randomBytes(24).toString('base64url')
      texts.set(id, JSON.stringify(data))
      return known ? [] : [`${NAME}=${id}.${signature('sha256', id)}; Path=/; HttpOnly; Secure`]
    },
  }
}

/**
 * As a session library would do it that does nothing else: no options, no events, nothing compared, nothing refused but what is forged.
 * Inside of requests, since in a loop of their own all is in the processor's caches, and the same HMAC takes a third of the time.
 */
function appOf(way) {
  return koaApp(app => {
    app.use(async (ctx, next) => {
      const { cookie } = ctx.headers
      ctx.session = cookie === undefined ? {} : way.read(cookie)
      await next()
      if (changing.has(ctx.path)) ctx.res.setHeader('Set-Cookie', way.write(ctx.session))
    })
  })
}

/** Those in which a session is read or written. */
export const primitiveScenarios = ['read200', 'read2k', 'write200', 'write2k']

/** What they are added to. */
export const primitivesBase = 'koa'

/** By the names that they have among the subjects. */
export const primitives = {
  'primitives-signed': () => appOf(signed),
  'primitives-sealed': () => appOf(sealed),
  'primitives-store': () => appOf(stored()),
}
