import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { onServers } from '../../scripts/steps.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => `test/${file.split(sep).join('/')}`)
const within = (file: string) => onServers.some((folder: string) => file.startsWith(folder))

// They run while the set-up may still install what others need.
test('no test outside of the folders for it needs a database, a browser or a module that the set-up builds', () => {
  const needs = /from '[^']*(?:servers\/(?:redis|postgres|mariadb|documentdb)\.ts|playwright-core|stores\/subjects\.ts)'|better-sqlite3/
  const found = files.filter(file => !within(file) && !file.startsWith('test/servers/') && needs.test(readFileSync(root + file, 'utf8')))
  expect(found.filter(file => file !== 'test/unit/steps.test.ts')).toEqual([])
  expect(files.filter(within).length).toBeGreaterThan(20)
})
