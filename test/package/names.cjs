// `require`: the function itself and every name that `import` has, from the packed tarball, with no framework installed.
const assert = require('node:assert/strict')
const session = require('holdfast/koa')
const express = require('holdfast/express')
const fastify = require('holdfast/fastify')
const fetchSession = require('holdfast/fetch')
const main = require('holdfast')
const { account } = require('holdfast/account')
const { admin } = require('holdfast/admin')
const { MemoryStore } = require('holdfast/stores/memory')

assert.equal(typeof session, 'function')
assert.equal(session.default, session)
assert.equal(session.createSession, session)
assert.equal(session.SessionOptions.parse({}).key, 'koa.sess')
assert.equal(typeof express, 'function')
assert.equal(express.default, express)
for (const name of ['Store', 'Cookie', 'Session', 'MemoryStore']) assert.equal(typeof express[name], 'function', name)
for (const one of [fastify, fastify.csrf, fetchSession]) assert.equal(typeof one, 'function')
assert.deepEqual(Object.keys(require('holdfast/express/request')), [])
assert.equal(typeof main.createSessions, 'function')
for (const page of [account, admin]) assert.equal(typeof page, 'function')
assert.equal(typeof MemoryStore, 'function')
assert.equal(require('holdfast/package.json').name, 'holdfast')
assert.throws(() => require('holdfast/dist/core/errors.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })

async function sameNames() {
  for (const [path, required] of Object.entries({ 'holdfast/koa': session, 'holdfast/express': express })) {
    for (const [name, value] of Object.entries(await import(path))) {
      if (name !== 'module.exports') assert.equal(required[name], value, `require('${path}').${name}`)
    }
  }
  for (const [name, value] of Object.entries(await import('holdfast'))) assert.equal(main[name], value, `require('holdfast').${name}`)
}
sameNames()
