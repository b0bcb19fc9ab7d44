// The table of docs/faults.md: how it is made, and that it keeps the promise that it shows.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { faultsTable } from '../../scripts/faults-table.mjs'
import { root, tableBelow } from '../docs/pages.ts'
import type { Row } from './fault.ts'
import { labels } from './labels.ts'

const PAGE = 'docs/faults.md'
const measured = { lost: 0, resurrected: 0, errors: {}, recoveredMs: 0, sockets: 9, heapGrowth: 0 }

it('is made of what was measured, store by store', () => {
  const rows: Row[] = [
    { ...measured, store: 'PostgreSQL', fault: 'restart', promised: true, acknowledged: 2, errors: { 'HOLDFAST_STORE (unknown)': 3 } },
    { ...measured, store: 'Redis, ioredis', fault: 'SIGKILL', promised: 'one second', acknowledged: 1, lost: 4, recoveredMs: 1234 },
    { ...measured, store: 'Redis, ioredis', fault: 'none', promised: true, acknowledged: 5 },
  ]
  const [, , ...lines] = faultsTable(rows).split('\n')
  expect(lines).toEqual([
    '| Redis, ioredis | none | yes | 5 | 0 | 0 | none | – | – |',
    '| Redis, ioredis | SIGKILL | no: one second | 1 | 4 | 0 | none | 1.2 | 9 |',
    '| PostgreSQL | restart | yes | 2 | 0 | 0 | 3 `HOLDFAST_STORE` (unknown) | 0.0 | 9 |',
  ])
})

it('shows nothing lost and nothing that came back where that is promised', () => {
  const rows = tableBelow(PAGE, 'What is promised')
  const broken = rows.filter(({ promised, lost, resurrected }) => promised === 'yes' && !(lost === '0' && resurrected === '0'))
  expect(broken).toEqual([])
  expect(rows.filter(({ acknowledged }) => !(Number(acknowledged) > 100))).toEqual([])
})

it('has every store, and every fault that the suite names', () => {
  const rows = tableBelow(PAGE, 'What is promised')
  expect(Object.values(labels).filter(label => !rows.some(({ store }) => store === label))).toEqual([])
  const folder = `${root}test/faults/`
  const texts = readdirSync(folder)
    .filter(name => name.endsWith('.test.ts') && name !== 'table.test.ts')
    .map(name => readFileSync(folder + name, 'utf8'))
  const named = texts.flatMap(text => [...text.matchAll(/\bfault: '([^']+)'/g)].map(([, fault]) => fault))
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter(name => !rows.some(({ fault }) => fault === name))).toEqual([])
})
