// What no session library can do without, and nothing else: the sums that Holdfast is measured by.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { KEYS, seeds } from './routes.mjs'

const USERS = 256
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
  header(data) {
    const [cookie, sig] = this.write(data)
    return [cookie, sig].map(line => line.slice(0, line.indexOf(';'))).join('; ')
  },
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
  header(data) {
    const [cookie] = this.write(data)
    return cookie.slice(0, cookie.indexOf(';'))
  },
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
  const idOf = header => {
    const value = find(header, NAME)
    const dot = value.lastIndexOf('.')
    const id = value.slice(0, dot)
    verify('sha256', id, value.slice(dot + 1))
    return id
  }
  return {
    header(data) {
      const id = randomBytes(24).toString('base64url')
      texts.set(id, JSON.stringify(data))
      return `${NAME}=${id}.${signature('sha256', id)}`
    },
    read(header) {
      this.id = idOf(header)
      return JSON.parse(texts.get(this.id))
    },
    write(data) {
      texts.set(this.id, JSON.stringify(data))
      return []
    },
  }
}

/** Runs as a subject does, for the scenarios that read or write a session. */
class Primitives {
  #way
  #headers = new Map()

  constructor(way) {
    this.#way = way
  }

  /** Once for each user; the time per request in µs. */
  run(scenario) {
    const seed = `/seed${scenario.replace(/^\D+/, '')}`
    const writes = scenario.startsWith('write')
    const headers = this.#headersOf(seed).map(octets => octets.toString('latin1'))
    let done = 0
    const start = process.cpuUsage()
    for (const header of headers) {
      const data = this.#way.read(header)
      if (data.user.name.length > 0) done++
      if (!writes) continue
      data.count = (data.count ?? 0) + 1
      done += this.#way.write(data).length
    }
    const { user, system } = process.cpuUsage(start)
    if (done < headers.length) throw new Error('not every header was read')
    return (user + system) / headers.length
  }

  #headersOf(seed) {
    if (!this.#headers.has(seed)) {
      const headerOf = (_, user) => Buffer.from(this.#way.header(seeds[seed](user)))
      this.#headers.set(seed, Array.from({ length: USERS }, headerOf))
    }
    return this.#headers.get(seed)
  }
}

export const primitiveScenarios = ['read200', 'read2k', 'write200', 'write2k']

/** By the names that they have among the subjects. */
export const primitives = {
  'primitives-signed': () => new Primitives(signed),
  'primitives-sealed': () => new Primitives(sealed),
  'primitives-store': () => new Primitives(stored()),
}
