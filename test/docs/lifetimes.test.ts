import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { rows } from '../promises/lifetimes.ts'
import { lifetimesPage } from './lifetimes-table.ts'
import { root, textOf } from './pages.ts'

it('docs/lifetimes.md is what the rows of the tests make of it (UPDATE=1 writes it anew)', () => {
  const page = lifetimesPage()
  if (process.env.UPDATE) writeFileSync(`${root}docs/lifetimes.md`, page)
  expect(textOf('docs/lifetimes.md')).toBe(page)
})

it('docs/lifetimes.md has every row, in at least one place', () => {
  const lines = textOf('docs/lifetimes.md').split('\n')
  const missing = rows.filter(({ rule }) => !lines.some(line => line.startsWith(`| ${rule} |`) && line.includes('| yes |')))
  expect(missing.map(({ rule }) => rule)).toEqual([])
})
