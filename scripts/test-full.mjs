// `npm run test:full`: everything of `npm test`, with every client of the stores and by both doors, more increments from several processes, then the tests on the built package, and the
// packed tarball, under every Node that the package supports. What a store says to its database does not depend on Node: all the
// stores are tested again by one of them, the one that has `node:sqlite`.
import { installNode, NEWER_NODE } from './node-versions.mjs'
import { runAll, steps, vitest } from './steps.mjs'

/** The oldest Node that `engines` allows, and the newest of each later line. */
const versions = ['20.19.0', '22.23.3', NEWER_NODE, '26.10.0']

const full = { HOLDFAST_TEST_FULL: '1' }

await runAll([
  ...steps.map(step => ({ ...step, env: { ...step.env, ...full } })),
  vitest({ name: '10,000 increments', args: ['test/stores/promises', '-t', 'four processes'], env: { HOLDFAST_INCREMENTS: '10000' } }),
  ...versions.flatMap(version => {
    const node = installNode(version)
    return [
      vitest({ name: `tests on Node ${version}`, node, built: true, args: version === NEWER_NODE ? [] : ['--exclude', 'test/stores/**'] }),
      { name: `package on Node ${version}`, command: [node, 'scripts/package-check.mjs', '--run-only'], node, needs: ['build'] },
    ]
  }),
])
