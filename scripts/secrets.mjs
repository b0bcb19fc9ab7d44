// No id, key or token that any process of the tests has seen may have been said by any of them, with debugging on.
// `npm run test:full` has its run of the suite recorded, and then judged: `node scripts/secrets.mjs --judge`. Alone it runs tests
// itself: `node scripts/secrets.mjs test/promises`, or all of them without an argument.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './steps.mjs'

const folder = join(root, '.cache/secrets')

/** What the peers, their stores and the tests' own clients and browser say of the ids that they have is theirs. */
const OTHERS = [
  'express-session',
  'koa-session*',
  'connect:*',
  'memorystore',
  'ioredis:*',
  'pw:*',
  'engine.io-client*',
  'socket.io-client*',
]

/** An environment that has everything recorded, from now on. */
export function recording() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return {
    DEBUG: ['*', ...OTHERS.map(name => `-${name}`), '-vite*', '-vitest*'].join(),
    // One line a message, which begins with its time and its name: so the recorder knows it.
    DEBUG_COLORS: 'no',
    HOLDFAST_SECRETS: folder,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${join(root, 'test/secrets/recorder.cjs')}`.trim(),
  }
}

/** Node runs vitest. The status it ends with. */
function vitest(args, env) {
  const command = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args]
  return spawnSync(process.execPath, command, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' }).status
}

/** The judge is TypeScript, and runs where the tests do. */
function judge() {
  const status = vitest(['test/secrets/judge.full.test.ts'], { HOLDFAST_TEST_FULL: '1', HOLDFAST_SECRETS_SEEN: folder })
  rmSync(folder, { recursive: true, force: true })
  return status
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const tests = process.argv.slice(2)
  const suite = tests.includes('--judge') ? 0 : vitest(tests, recording())
  if (suite !== 0) console.error('the suite itself has failed')
  process.exitCode = judge() || suite ? 1 : 0
}
