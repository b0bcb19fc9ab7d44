// Builds dist/ from src/. With --if-stale it does nothing while dist/ is newer than what it is made from.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const changedAt = path => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Folders count too: their time changes when a file in them comes or goes. */
function isStale() {
  const inputs = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']
  for (const path of readdirSync(`${root}src`, { recursive: true })) inputs.push(`src/${path}`)
  return Math.max(...inputs.map(changedAt)) >= changedAt('dist/index.js')
}

if (!process.argv.includes('--if-stale') || isStale()) {
  // Built beside dist/ and then put in its place, so that whoever runs dist/ meanwhile never finds half of it.
  const fresh = `${root}.cache/build-${process.pid}`
  const args = [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`, '--outDir', fresh]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status === 0) {
    // npm does the same to what it installs; this is for whoever runs it from here.
    chmodSync(`${fresh}/cli.js`, 0o755)
    rmSync(`${root}dist`, { recursive: true, force: true })
    renameSync(fresh, `${root}dist`)
  } else {
    rmSync(fresh, { recursive: true, force: true })
    process.exitCode = status ?? 1
  }
}
