// `npm run test:full`: everything of `npm test`, then the tests on the built package, and the packed
// tarball, under every Node that the package supports.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, runAll, steps, vitest } from './steps.mjs'

/** The oldest Node that `engines` allows, and the newest of each later line. */
const versions = ['20.19.0', '22.23.3', '24.21.0', '26.10.0']

/** The binary of a Node version, from the npm package that carries it, kept in .cache. */
function install(version) {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(root, '.cache/node', version)
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    const args = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts', `${name}@${version}`]
    spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return binary
}

await runAll([
  ...steps,
  ...versions.flatMap(version => {
    const node = install(version)
    return [
      vitest({ name: `tests on Node ${version}`, node, built: true }),
      { name: `package on Node ${version}`, command: [node, 'scripts/package-check.mjs', '--run-only'], node, needs: ['build'] },
    ]
  }),
])
