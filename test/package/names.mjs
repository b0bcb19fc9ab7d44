// `import`: default and named, from the packed tarball, with no framework installed.
import assert from 'node:assert/strict'
import * as main from 'holdfast'
import account from 'holdfast/account'
import admin from 'holdfast/admin'
import expressSession, * as express from 'holdfast/express'
import fastify from 'holdfast/fastify'
import fetchSession from 'holdfast/fetch'
import session, * as koa from 'holdfast/koa'
import * as memory from 'holdfast/stores/memory'

assert.equal(typeof session, 'function')
assert.equal(koa.default, session)
assert.equal(koa.createSession, session)
assert.equal(koa.SessionOptions.parse({}).key, 'koa.sess')
assert.equal(typeof expressSession, 'function')
assert.equal(express.default, expressSession)
for (const name of ['Store', 'Cookie', 'Session', 'MemoryStore']) assert.equal(express[name], expressSession[name], name)
assert.equal(typeof fastify, 'function')
assert.equal(typeof fetchSession(main.createSessions({ keys: ['x'.repeat(43)] })).handler, 'function')
// Types only.
assert.deepEqual(Object.keys(await import('holdfast/express/request')), [])
assert.equal(typeof main.createSessions, 'function')
assert.equal(typeof account, 'function')
assert.throws(() => admin(main.createSessions({ keys: ['x'.repeat(43)], store: new memory.MemoryStore() })), /authorize/)
assert.equal(typeof memory.MemoryStore, 'function')

// What the package does not export stays its own.
for (const path of ['holdfast/dist/core/errors.js', 'holdfast/core/errors', 'holdfast/src/index.ts', 'holdfast/koa.js']) {
  await assert.rejects(import(path), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
}
