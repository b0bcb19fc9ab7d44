// npm run bench: what a session costs in the process, beside its peers. See docs/performance.md.
//   --launches 4 --rounds 12 --minutes 10 --connections 16 --quick: fewer rounds on a machine that does not get so far in this time
//   --scenarios read200,write200 --subjects koa-signed,koa-session (with the bare frameworks and the primitives that belong to them)
//   --json FILE: all times; --update: the tables go into docs/performance.md
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { launch } from './launch.mjs'
import { scenarios as allScenarios } from './load.mjs'
import { update } from './marked.mjs'
import { primitiveScenarios, primitives, primitivesBase } from './primitives.mjs'
import { overheads } from './statistics.mjs'
import { primitivesTable, ratiosTable, timesTable } from './tables.mjs'
import { comparisons } from './targets.mjs'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))

const string = { type: 'string' }
const { values: given } = parseArgs({
  options: {
    launches: string,
    rounds: string,
    minutes: string,
    connections: string,
    scenarios: string,
    subjects: string,
    json: string,
    quick: { type: 'boolean' },
    update: { type: 'boolean' },
  },
})
const number = (name, usual) => Number(given[name] ?? usual)
const launches = number('launches', given.quick ? 1 : 4)
const rounds = number('rounds', given.quick ? 5 : 12)
const minutes = number('minutes', given.quick ? 1 : 10)
const batches = { connections: number('connections', 16), repeats: 4, warmUp: given.quick ? 4 : 6 }
const scenarios = given.scenarios?.split(',') ?? Object.keys(allScenarios)
for (const name of scenarios)
  if (!allScenarios[name]) throw new Error(`no scenario ${name}: there are ${Object.keys(allScenarios).join(', ')}`)

const built = spawnSync(process.execPath, [path('../scripts/build.mjs'), '--if-stale'], { stdio: 'inherit' })
if (built.status !== 0) process.exit(1)

/** @type {Map<string, { name: string, base: string }>} */
const known = new Map()
for (const file of readdirSync(path('subjects'))) {
  const { default: subject } = await import(`./subjects/${file}`)
  known.set(subject.name, subject)
}

/** With the scenarios of each: first the bare frameworks, last the primitives. */
function chosen() {
  const names = given.subjects?.split(',') ?? [...known.keys()]
  for (const name of names) if (!known.has(name)) throw new Error(`no subject ${name}: there are ${[...known.keys()].join(', ')}`)
  const bases = names.map(name => known.get(name).base)
  const ours = comparisons.filter(comparison => names.includes(comparison.ours))
  const sums = Object.keys(primitives).filter(name => ours.some(comparison => comparison.primitives === name))
  const parts = scenarios.filter(scenario => primitiveScenarios.includes(scenario))
  const beside = parts.length > 0 ? sums : []
  if (beside.length > 0) bases.push(primitivesBase)
  return new Map([...[...bases, ...names].map(name => [name, scenarios]), ...beside.map(name => [name, parts])])
}

const subjects = chosen()
const runs = []
const began = Date.now()
for (let n = 1; n <= launches; n++) {
  process.stderr.write(`launch ${n} of ${launches}\n`)
  runs.push(await launch(subjects, { rounds, deadline: began + (n / launches) * minutes * 60_000 }, batches))
  if (given.json) writeFileSync(given.json, JSON.stringify({ node: process.versions.node, launches: runs }))
}

/** The bare frameworks' whole time; of all others what they add. */
const figures = {}
for (const [name, own] of subjects) {
  const base = known.get(name)?.base ?? primitivesBase
  figures[name] = Object.fromEntries(own.map(scenario => [scenario, overheads(runs, scenario, name, base === name ? undefined : base)]))
}

const isBase = name => known.get(name)?.base === name
const bases = [...subjects.keys()].filter(isBase)
const others = [...subjects.keys()].filter(name => known.has(name) && !isBase(name))
const parts = scenarios.filter(scenario => primitiveScenarios.includes(scenario))
/** In all launches. */
const batchesOf = list => list.reduce((sum, times) => sum + times[bases[0]][scenarios[0]].length, 0)
const report = [
  `Node ${process.versions.node}, ${availableParallelism()} processors; launches: ${launches}, batches of each scenario: ${batchesOf(runs)}.`,
  timesTable(figures, bases, scenarios, 'µs per request, in all'),
  timesTable(figures, others, scenarios, 'µs per request, less the bare framework'),
  ratiosTable(figures, scenarios),
  ...(parts.length > 0 ? [primitivesTable(figures, parts)] : []),
].join('\n\n')

console.log(report)
if (given.update) update(path('../docs/performance.md'), 'npm run bench', report)
