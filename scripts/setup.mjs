// Installs the programs that the tests start and that no npm package brings. Does nothing where they are all there.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** One line per program: the commands that it goes by, and the Debian package that brings it. */
const programs = [{ name: 'Chromium', commands: ['chromium', 'chromium-browser', 'google-chrome'], debian: 'chromium' }]

function isInstalled(command) {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const missing = () => programs.filter(program => !program.commands.some(isInstalled))
const succeeds = (command, args, options) => spawnSync(command, args, options).status === 0

function install(packages) {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (!isInstalled('apt-get') || (asRoot.length > 0 && !succeeds('sudo', ['-n', 'true']))) return
  const aptGet = (...args) => {
    const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]
    return succeeds(command, rest, { stdio: 'inherit' })
  }
  aptGet('update', '-qq') && aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages)
}

if (missing().length > 0) install(missing().map(program => program.debian))
for (const { name, commands, debian } of missing()) {
  console.error(`${name} is missing: none of ${commands.join(', ')} is on the PATH.`)
  console.error(`Install it, on Debian or Ubuntu with: apt-get install --no-install-recommends ${debian}`)
  process.exitCode = 1
}
