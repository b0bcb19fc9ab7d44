import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    // Tests import the package by its public names and run the sources; scripts/package-check.mjs runs the built package.
    alias: [
      { find: /^holdfast$/, replacement: new URL('./src/index.ts', import.meta.url).pathname },
      { find: /^holdfast\/(.*)$/, replacement: new URL('./src/$1.ts', import.meta.url).pathname },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
