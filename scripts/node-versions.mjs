// Other versions of Node for the tests: the binaries that npm packages carry, kept in .cache/node.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A Node that has what the oldest supported one lacks: `node:sqlite`. */
export const NEWER_NODE = '24.21.0'

const cache = fileURLToPath(new URL('../.cache/node/', import.meta.url))

/**
 * The binary of a Node version. It may be asked for twice at once: each installs beside the place, and one puts its own there.
 * @param {string} version
 * @returns {string}
 */
export function installNode(version) {
  const name = `node-${process.platform}-${process.arch}`
  const binaryIn = folder => join(folder, 'node_modules', name, 'bin/node')
  const place = join(cache, version)
  if (existsSync(binaryIn(place))) return binaryIn(place)
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(join(cache, 'install-'))
  try {
    const options = ['--prefix', fresh, '--no-save', '--no-package-lock', '--ignore-scripts']
    spawnSync('npm', ['install', ...options, `${name}@${version}`], { stdio: ['ignore', 'ignore', 'inherit'] })
    if (!existsSync(binaryIn(fresh))) throw new Error(`Node ${version} could not be installed from the package ${name}`)
    renameSync(fresh, place)
  } catch (error) {
    if (!existsSync(binaryIn(place))) throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return binaryIn(place)
}
