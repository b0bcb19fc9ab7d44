// Checks what a user installs: packs the package, lints the tarball (publint, attw), installs it with npm into an empty project outside this
// repository and runs test/package there. Needs no network: what the package depends on is packed from node_modules. With --run-only it
// imports, requires and serves, which is what depends on the version of Node.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
const lints = !process.argv.includes('--run-only')
const manifestOf = folder => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function report(name, problem) {
  console.log(`${problem ? 'FAIL' : 'ok  '} ${name}`)
  if (!problem) return
  process.exitCode = 1
  console.log(problem)
}

/** Runs a file by Node, in the empty project. What it prints is shown only if it fails. */
function check(name, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' })
  report(name, status === 0 ? '' : `${stdout}${stderr}` || `ended with ${status}`)
}

/** What npm prints, or an error. */
function npm(...args) {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: project, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stderr}`)
  return stdout
}

const pack = folder => JSON.parse(npm('pack', folder, '--json', '--ignore-scripts'))[0]

function link(name) {
  const place = join(project, 'node_modules', name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), place)
}

/** The script that a package of node_modules runs as its command. */
function bin(name, command = name) {
  const folder = join(root, 'node_modules', name)
  const manifest = manifestOf(folder)
  return join(folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command])
}

try {
  cpSync(join(root, 'test/package'), project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  const { filename, files } = pack(root)

  if (lints) {
    const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']
    const others = files.map(file => file.path).filter(path => !/^dist\/.+\.(js|d\.ts)$/.test(path))
    report('the tarball holds the build and the papers, nothing else', others.sort().join() === papers.join() ? '' : others.join('\n'))
    check('publint', bin('publint'), 'run', filename, '--strict')
    check('attw', bin('@arethetypeswrong/cli', 'attw'), filename, '--profile', 'esm-only')
  }

  const dependencies = Object.keys(manifestOf(root).dependencies).map(name => pack(join(root, 'node_modules', name)).filename)
  npm('install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...[filename, ...dependencies].map(file => `./${file}`))
  check('import', 'names.mjs')
  check('require', 'names.cjs')
  check('the command', 'command.mjs')

  for (const name of ['koa', '@types/koa', 'express', '@types/express', '@types/node']) link(name)
  check('a Koa app and an Express app', 'app.mjs')
  if (lints) check('types', bin('typescript', 'tsc'), '-p', 'tsconfig.json')
} finally {
  rmSync(project, { recursive: true, force: true })
}
