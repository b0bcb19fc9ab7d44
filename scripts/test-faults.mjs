// `npm run test:faults`: every fault on every store, and the table of what became of it. With names (`-- redis clock`) only the files of
// those names. `--table` prints the table of the last run; `--update` writes it into docs/faults.md as well.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { faultsTable, rowsIn } from './faults-table.mjs'
import { root } from './steps.mjs'

const args = process.argv.slice(2)
const names = args.filter(arg => !arg.startsWith('--'))
const rows = join(root, '.cache/faults')

function run(script, ...more) {
  const { status } = spawnSync(process.execPath, [script, ...more], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, HOLDFAST_TEST_FULL: '1' },
  })
  return status === 0
}

let passed = true
if (!args.includes('--table')) {
  if (names.length === 0) rmSync(rows, { recursive: true, force: true })
  mkdirSync(rows, { recursive: true })
  const files = names.length > 0 ? names.map(name => `test/faults/${name}`) : ['test/faults/']
  // One file at a time: what is measured is the store's fault, not its neighbour's load.
  passed =
    run('scripts/setup.mjs') &&
    run('scripts/build.mjs', '--if-stale') &&
    run('node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', '--no-file-parallelism', ...files)
}
if (existsSync(rows)) {
  const table = faultsTable(rowsIn(rows))
  console.log(`\n${table}\n`)
  if (args.includes('--update') && passed) {
    const page = join(root, 'docs/faults.md')
    const text = readFileSync(page, 'utf8')
    writeFileSync(
      page,
      text.replace(/(<!-- table -->\n)[\s\S]*(\n<!-- end of table -->)/, (_, begin, end) => `${begin}\n${table}\n${end}`),
    )
    run('node_modules/@biomejs/biome/bin/biome', 'format', '--write', page)
  }
}
if (!passed) process.exitCode = 1
