// `npm run test:full`: everything of `npm test`, with every client of the stores and by both doors, more increments from several processes, then the tests on the built package, and the
// packed tarball, under every Node that the package supports. What a store says to its database does not depend on Node: only SQLite is
// tested again, by the one that has `node:sqlite`; the other stores, pages, demo and examples are not. The first run has debugging on and is recorded: no id, key or
// token may have been said in it.
import { installNode, NEWER_NODE } from './node-versions.mjs'
import { recording } from './secrets.mjs'
import { runAll, serverless, steps, vitest } from './steps.mjs'

/** The oldest Node that `engines` allows, and the newest of each later line. The lines between play whole apps, and not each unit. */
const versions = ['20.19.0', '22.23.3', NEWER_NODE, '26.10.0']
const atTheEnds = version => version === versions[0] || version === versions.at(-1)

const full = { HOLDFAST_TEST_FULL: '1' }
const recorded = recording()

/** Headers are judged by the million once; how the units behave, and what the files of this repository say, does not depend on Node. */
const once = ['test/fuzz/**', 'test/secrets/**', 'test/unit/layers.test.ts', 'test/unit/steps.test.ts'].flatMap(path => ['--exclude', path])

await runAll([
  ...steps.map(step => ({ ...step, env: { ...step.env, ...full, ...(step.report && recorded) } })),
  { name: 'no secret was said', command: [process.execPath, 'scripts/secrets.mjs', '--judge'], needs: ['build'] },
  vitest({ name: 'a million Cookie headers', args: ['test/fuzz'], env: { HOLDFAST_FUZZ: '1000000', NODE_OPTIONS: '--expose-gc' } }),
  vitest({ name: '10,000 increments', args: ['test/stores/promises', '-t', 'four processes'], env: { HOLDFAST_INCREMENTS: '10000' } }),
  vitest({ name: '100,000 sessions migrated', args: ['test/cli/migrate.test.ts'], env: { HOLDFAST_MIGRATED: '100000' } }),
  ...versions.flatMap(version => {
    const node = installNode(version)
    return [
      ...serverless({ name: `tests on Node ${version}`, node, built: true, args: once }).slice(0, atTheEnds(version) ? 2 : 1),
      ...(version === NEWER_NODE
        ? [vitest({ name: `SQLite on Node ${version}`, node, built: true, args: ['test/stores/sqlite', 'test/stores/promises/sqlite'] })]
        : []),
      { name: `package on Node ${version}`, command: [node, 'scripts/package-check.mjs', '--run-only'], node, needs: ['build'] },
    ]
  }),
])
