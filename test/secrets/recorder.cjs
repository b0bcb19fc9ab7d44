// Loaded before everything else, by `--require`, in vitest, its workers and all that they start. It takes down what must
// never be seen (ids, keys, tokens) and what was said (stdout, stderr, warnings), each process in files of its own.
// Nothing of the library is touched: keys and ids are seen where they enter node:crypto, tokens where they leave by HTTP.
'use strict'

const crypto = require('node:crypto')
const channel = require('node:diagnostics_channel')
const fs = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')
const path = require('node:path')
const { inspect } = require('node:util')

const folder = process.env.HOLDFAST_SECRETS
if (folder) record(folder)

function record(folder) {
  const name = `${process.pid}-${Date.now()}-${crypto.randomBytes(3).toString('hex')}`
  const append = kind => {
    const file = fs.openSync(path.join(folder, `${name}.${kind}`), 'a')
    return text => {
      try {
        fs.writeSync(file, text)
      } catch (error) {
        // A test may take away a process's right to write.
        if (error.code !== 'EFBIG') throw error
      }
    }
  }
  const secret = append('secrets')
  const said = append('said')
  const known = new Set()
  // Kept: a test may count the calls of these.
  const { stringify } = JSON
  const keep = (kind, text) => {
    if (text.length < 16 || known.has(text)) return
    known.add(text)
    secret(`${stringify([kind, text])}\n`)
  }

  const keepKey = key => {
    if (typeof key === 'string') keep('key', key)
    else if (key instanceof Uint8Array) {
      const octets = Buffer.from(key)
      for (const encoding of ['utf8', 'hex', 'base64', 'base64url']) keep('key', octets.toString(encoding))
    }
  }
  const { createHash, createHmac, createSecretKey } = crypto
  crypto.createSecretKey = (key, ...rest) => {
    keepKey(typeof key === 'string' && rest[0] ? Buffer.from(key, rest[0]) : key)
    return createSecretKey.call(crypto, key, ...rest)
  }
  crypto.createHmac = (algorithm, key, ...rest) => {
    keepKey(key)
    return createHmac.call(crypto, algorithm, key, ...rest)
  }
  // A store's key is a hash of scope, NUL and id: each id comes by here.
  const ID = /\0((?:[\w-]{3}\.)?[\w-]{43}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{32})$/
  crypto.createHash = (...args) => {
    const hash = createHash.apply(crypto, args)
    const update = hash.update
    hash.update = (data, ...rest) => {
      const id = typeof data === 'string' ? ID.exec(data)?.[1] : undefined
      if (id !== undefined) keep('id', id)
      return update.call(hash, data, ...rest)
    }
    return hash
  }
  syncBuiltinESMExports()

  // The tokens of sessions, not every cookie: a test may log another one.
  const SESSION = /^(?:__Host-|__Secure-)?(?:sid|connect\.sid|koa[.:]sess(?:ion)?|login)(?:\.sig)?=/i
  channel.subscribe('http.server.response.finish', ({ response }) => {
    for (const line of [response.getHeader('set-cookie') ?? []].flat()) {
      const pair = String(line).split(';', 1)[0]
      if (!SESSION.test(pair)) continue
      const value = pair.slice(pair.indexOf('=') + 1)
      keep('token', value)
      if (value.includes('%')) keep('token', decodeURIComponent(value))
    }
    const token = response.getHeader('x-session-token')
    if (typeof token === 'string') keep('token', token)
  })

  // What debugging says is taken down and not shown: tests compare what their child processes say, and nobody reads the rest.
  const DEBUGGING = /^(?:\d{4}-\d\d-\d\dT[\d:.]+Z|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT) [\w@/.-]+(?::[^ ]*)? /
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write
    stream.write = function (chunk, ...rest) {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
      said(text)
      if (stream === process.stderr && DEBUGGING.test(text)) {
        const done = rest.find(one => typeof one === 'function')
        if (done) process.nextTick(done)
        return true
      }
      return write.call(this, chunk, ...rest)
    }
  }
  process.on('warning', warning => said(`${inspect(warning, { depth: 9, showHidden: true })}\n`))
  process.on('uncaughtExceptionMonitor', error => said(`${inspect(error, { depth: 9, showHidden: true })}\n`))
}
