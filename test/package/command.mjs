// The packed tarball's command, as npm has put it among the project's programs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

const holdfast = (...args) => {
  const { status, stdout, stderr } = spawnSync('node_modules/.bin/holdfast', args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  return { status, stdout, stderr }
}

const { status, stdout, stderr } = holdfast('keygen')
assert.deepEqual([status, stderr], [0, ''])
assert.match(stdout, /^[\w-]{43}\r?\n$/)
assert.notEqual(holdfast('keygen').stdout, stdout)
assert.equal(holdfast('nothing').status, 2)
assert.match(holdfast('--version').stdout, /^\d+\.\d+\.\d+/)
await assert.rejects(import('holdfast/cli'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
