// `npm run test:full`: everything of `npm test`, with every client of the stores and by both doors, more increments from several processes, then the tests on the built package, and the
// packed tarball, under every Node that the package supports. What a store says to its database does not depend on Node: all the
// stores are tested again by one of them, the one that has `node:sqlite`. The first run has debugging on and is recorded: no id, key or
// token may have been said in it.
import { installNode, NEWER_NODE } from './node-versions.mjs'
import { recording } from './secrets.mjs'
import { runAll, steps, vitest } from './steps.mjs'

/** The oldest Node that `engines` allows, and the newest of each later line. */
const versions = ['20.19.0', '22.23.3', NEWER_NODE, '26.10.0']

const full = { HOLDFAST_TEST_FULL: '1' }
const recorded = recording()

/** What the pages cite does not depend on Node, and to list all tests takes its time; headers are judged by the million once. */
const once = ['--exclude', 'test/docs/proofs.test.ts', '--exclude', 'test/fuzz/**']

await runAll([
  ...steps.map(step => ({ ...step, env: { ...step.env, ...full, ...(step.report && recorded) } })),
  { name: 'no secret was said', command: [process.execPath, 'scripts/secrets.mjs', '--judge'], needs: ['build'] },
  vitest({ name: 'a million Cookie headers', args: ['test/fuzz'], env: { HOLDFAST_FUZZ: '1000000', NODE_OPTIONS: '--expose-gc' } }),
  vitest({ name: '10,000 increments', args: ['test/stores/promises', '-t', 'four processes'], env: { HOLDFAST_INCREMENTS: '10000' } }),
  ...versions.flatMap(version => {
    const node = installNode(version)
    return [
      vitest({
        name: `tests on Node ${version}`,
        node,
        built: true,
        args: version === NEWER_NODE ? once : ['--exclude', 'test/stores/**', ...once],
      }),
      { name: `package on Node ${version}`, command: [node, 'scripts/package-check.mjs', '--run-only'], node, needs: ['build'] },
    ]
  }),
])
