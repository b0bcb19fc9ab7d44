import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'

// Tests import the package by its public names and its files by their paths. Both lead to the sources or, with HOLDFAST_TEST_BUILT set
// (`npm run test:full`), to what was built from them.
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const built = [
  { find: /^holdfast$/, replacement: path('./dist/index.js') },
  { find: /^holdfast\/(.*)$/, replacement: path('./dist/$1.js') },
  { find: /^(?:\.\.\/)+src\/(.*)\.ts$/, replacement: path('./dist/$1.js') },
]
const sources = [
  { find: /^holdfast$/, replacement: path('./src/index.ts') },
  { find: /^holdfast\/(.*)$/, replacement: path('./src/$1.ts') },
]

export default defineConfig({
  resolve: { alias: process.env.HOLDFAST_TEST_BUILT ? built : sources },
  test: {
    include: ['test/**/*.test.ts'],
    // What takes long and differs little from its neighbours is left to `npm run test:full`, which sets this.
    exclude: [...configDefaults.exclude, ...(process.env.HOLDFAST_TEST_FULL ? [] : ['**/*.full.test.ts'])],
    passWithNoTests: false,
    // One more than the cores of a usual CI: many tests wait for servers.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**'], reporter: ['text', 'html'] },
  },
})
