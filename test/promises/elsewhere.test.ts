import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

// Promises whose tests live elsewhere: that they are there, and that `npm test` runs them.

const root = new URL('../../', import.meta.url)
const steps = readFileSync(new URL('scripts/steps.mjs', root), 'utf8')
const names = (folder: string) => readdirSync(new URL(folder, root))

it('promise 23: types without tricks: test/types is compiled by `npm test`', () => {
  expect(steps).toMatch(/name: 'type-tests'/)
  expect(names('test/types/').filter(name => name.endsWith('.ts')).length).toBeGreaterThanOrEqual(3)
  expect(names('test/types/')).toEqual(expect.arrayContaining(['koa2', 'koa3', 'express-alone', 'express-beside', 'express-declared']))
})

it('promise 24: imports never flip: test/package is run on the packed tarball by `npm test`', () => {
  expect(steps).toMatch(/name: 'package'/)
  expect(existsSync(new URL('scripts/package-check.mjs', root))).toBe(true)
  expect(names('test/package/')).toEqual(expect.arrayContaining(['names.cjs', 'names.mjs']))
})

it('promise 25: true drop-in: test/differential compares with koa-session and express-session, and swaps', () => {
  expect(names('test/differential/').filter(name => name.endsWith('.test.ts')).length).toBeGreaterThanOrEqual(15)
  expect(names('test/differential/')).toContain('swap.test.ts')
  expect(names('test/differential/express/').filter(name => name.endsWith('.test.ts')).length).toBeGreaterThanOrEqual(12)
  expect(names('test/differential/express/')).toContain('swap.test.ts')
})
