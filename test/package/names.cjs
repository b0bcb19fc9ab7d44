// `require`: the function itself and every name that `import` has, from the packed tarball, with no Koa installed.
const assert = require('node:assert/strict')
const session = require('holdfast/koa')
const main = require('holdfast')
const { MemoryStore } = require('holdfast/stores/memory')

assert.equal(typeof session, 'function')
assert.equal(session.default, session)
assert.equal(session.createSession, session)
assert.equal(session.SessionOptions.parse({}).key, 'koa.sess')
assert.equal(typeof main.createSessions, 'function')
assert.equal(typeof MemoryStore, 'function')
assert.equal(require('holdfast/package.json').name, 'holdfast')
assert.throws(() => require('holdfast/dist/core/errors.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })

async function sameNames() {
  const imported = await import('holdfast/koa')
  for (const [name, value] of Object.entries(imported)) {
    if (name !== 'module.exports') assert.equal(session[name], value, `require('holdfast/koa').${name}`)
  }
  for (const [name, value] of Object.entries(await import('holdfast'))) assert.equal(main[name], value, `require('holdfast').${name}`)
}
sameNames()
