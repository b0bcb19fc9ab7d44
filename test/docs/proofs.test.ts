// What the pages say is proved by a test, is; and what the tests state is in the pages.
import { readdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { root, tableBelow, textOf } from './pages.ts'
import { numbersIn, PROMISES, promisesPage } from './promises-table.ts'
import { type TestName, testNames } from './test-names.ts'

let tests: TestName[] = []
/** Whole apps over HTTP. A unit test that bears a number shows a part, in no mode. */
let wholeApps: TestName[] = []
beforeAll(async () => {
  const elsewhere = citations(checklist).map(({ file }) => file)
  tests = await testNames([...new Set(['test/promises', 'test/hard-cases', 'test/differential', ...elsewhere])])
  wholeApps = tests.filter(({ file }) => /^test\/(promises|hard-cases)\//.test(file))
}, 300_000)

/** The folders of `test/` that have a file about a framework: by its path, or by what it imports. */
function suitesOf(framework: string): string[] {
  const about = (path: string) =>
    path.includes(framework) || (/\.[cm]?[tj]s$/.test(path) && textOf(path).includes(`'holdfast/${framework}`))
  const folders = readdirSync(`${root}test`).map(name => `test/${name}`)
  return folders.filter(folder =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).some(name => about(`${folder}/${name}`)),
  )
}

describe('docs/promises.md', () => {
  it('is what the tests make of it (UPDATE=1 writes it anew)', () => {
    const page = promisesPage(wholeApps, { Koa: suitesOf('koa'), Express: suitesOf('express') })
    if (process.env.UPDATE) writeFileSync(`${root}docs/promises.md`, page)
    expect(textOf('docs/promises.md')).toBe(page)
  })

  it('has every number that a test bears', () => {
    expect(tests.filter(({ name }) => numbersIn(name).some(number => !(number in PROMISES))).map(({ name }) => name)).toEqual([])
  })

  it('changes with the tests', () => {
    const cellsOf = (framework: 'Koa' | 'Express', number: number, list: TestName[], suites: string[] = []) => {
      const row = promisesPage(list, { Koa: [], Express: [], [framework]: suites })
        .split(`## On ${framework}`)[1]
        ?.split('\n')
        .find(line => line.startsWith(`| ${number} |`))
      return row?.split(' | ').slice(2, framework === 'Koa' ? 7 : 6)
    }
    const test = (name: string): TestName => ({ name, file: 'test/promises/x.test.ts' })
    const koa = cellsOf.bind(undefined, 'Koa')
    expect(koa(4, [])).toEqual(['–', 'not shown', 'not shown', '–', 'not shown'])
    expect(koa(4, [test('Koa 3, drop-in, Map > promise 4: x')])).toEqual(['–', 'yes', 'not shown', '–', 'not shown'])
    expect(koa(4, [test('Express 5, drop-in, Map > promise 4: x')])).toEqual(['–', 'not shown', 'not shown', '–', 'not shown'])
    expect(koa(4, [test('Koa 2, native, MemoryStore > promise 4: x')])).toEqual(['–', 'not shown', 'not shown', '–', 'yes'])
    expect(koa(4, [test('promise 4: x')])).toEqual(['–', 'yes', 'yes', '–', 'yes'])
    expect(koa(1, [])).toEqual(['no', 'no', 'not shown', 'no', 'not shown'])
    expect(koa(1, [test('promise 1: x, in createSessions')])).toEqual(['no', 'no', 'not shown', 'no', 'yes'])
    expect(koa(11, [test('promise 11: the drop-in on Koa 3 > x')])).toEqual(['yes', 'yes', 'yes', 'not shown', 'not shown'])
    expect(koa(25, [])).toEqual(['not shown', 'not shown', '–', '–', '–'])
    expect(koa(25, [], ['test/differential'])).toEqual(['yes', 'yes', '–', '–', '–'])
    const express = cellsOf.bind(undefined, 'Express')
    expect(express(4, [])).toEqual(['not shown', 'not shown', '–', 'not shown'])
    expect(express(4, [test('Koa 3, drop-in, Map > promise 4: x')])).toEqual(['not shown', 'not shown', '–', 'not shown'])
    expect(express(4, [test('Express 5, drop-in, Map > promise 4: x')])).toEqual(['yes', 'not shown', '–', 'not shown'])
    expect(express(4, [test('connect, native, MemoryStore > promise 4: x')])).toEqual(['not shown', 'not shown', '–', 'yes'])
    expect(express(4, [test('promise 4: x')])).toEqual(['yes', 'yes', '–', 'yes'])
    expect(express(9, [{ name: 'promise 9: x', file: 'test/promises/09-express.test.ts' }])).toEqual(['yes', 'yes', 'yes', 'yes'])
    expect(express(25, [test('promise 25: x')])).toEqual(['not shown', '–', '–', '–'])
    expect(express(25, [], ['test/differential'])).toEqual(['yes', '–', '–', '–'])
    expect(numbersIn('promises 4, 7 and 26: x')).toEqual([4, 7, 26])
  })
})

interface Citation {
  file: string
  /** `*` stands for any text. */
  name: string
}

interface Page {
  page: string
  heading: string
  folder: string
}

const differences: Page[] = [
  { page: 'docs/koa.md', heading: 'Differences from koa-session', folder: 'test/differential' },
  { page: 'docs/express.md', heading: 'Differences from express-session', folder: 'test/differential/express' },
]

const checklist = { page: 'docs/security.md', heading: 'The checklist' }

/** `file`: `name`; `name`; `file`: `name` … of the last column. Within a folder of its own a file is named without it. */
function citations({ page, heading, folder }: Omit<Page, 'folder'> & { folder?: string }): Citation[] {
  return tableBelow(page, heading).flatMap(row => {
    let file = ''
    return [...(row.test ?? row.tests ?? '').matchAll(/`([^`]+)`(:?)/g)].flatMap(([, code = '', colon]) => {
      if (!colon) return { file: folder === undefined ? file : `${folder}/${file}.test.ts`, name: code }
      file = code
      return []
    })
  })
}

const pattern = (name: string) =>
  new RegExp(
    name
      .split('*')
      .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  )

/** Each conversation that states two behaviours, by the nearest name before it, or by its area where it has none of its own. */
function statedDifferences(folder: string): Citation[] {
  const files = readdirSync(`${root}${folder}`).filter(name => name.endsWith('.test.ts') && name !== 'harness.test.ts')
  return files.flatMap(file => {
    let name = ''
    let area = ''
    /** One whose name is an expression stands in a function before its area. */
    let ahead = false
    const found: string[] = []
    for (const line of textOf(`${folder}/${file}`).split('\n')) {
      const next = /compare\('([^']+)'/.exec(line)?.[1]
      if (next !== undefined && ahead) found.push(next)
      if (next !== undefined) ahead = false
      area = next ?? area
      const own = /^\s*name(?:: (['"`])(.*)\1|: (\w)|(,)).*$/.exec(line)
      if (own?.[3]) name = ''
      else if (own) name = own[4] || own[2]?.startsWith('${') ? area : (own[2] as string).replace(/\$\{[^}]*\}/g, '*')
      if (!/^\s*differs: \{/.test(line)) continue
      if (name === '') ahead = true
      else found.push(name)
    }
    return [...new Set(found)].map(one => ({ file: `${folder}/${file}`, name: one }))
  })
}

/** Citations of tests that there are not. */
const unknown = (cited: Citation[]) =>
  cited.filter(({ file, name }) => !tests.some(test => test.file === file && pattern(name).test(test.name)))

describe('the checklist in docs/security.md', () => {
  const cited = () => citations(checklist)

  it('names a test that there is for each of its claims', () => {
    expect(unknown(cited())).toEqual([])
    expect(cited().length).toBeGreaterThan(30)
  })

  it('claims nothing without a test', () => {
    const rows = tableBelow('docs/security.md', 'The checklist')
    expect(rows.filter(row => row.tests === '–' && row['with Holdfast'] !== 'app').map(({ requirement }) => requirement)).toEqual([])
  })

  it('would be seen if it named one that there is not', () => {
    expect(unknown([{ file: 'test/promises/22-keys.test.ts', name: 'no such test' }])).toHaveLength(1)
    expect(unknown([{ file: 'test/promises/no-such-file.test.ts', name: '*' }])).toHaveLength(1)
  })
})

describe.each(differences)('the differences in $page', page => {
  it('are each stated by the test that is named', () => {
    expect(unknown(citations(page))).toEqual([])
  })

  it('are all that the differential tests state', () => {
    const stated = statedDifferences(page.folder)
    expect(stated.length).toBeGreaterThan(20)
    const cited = citations(page)
    expect(stated.filter(({ file, name }) => !cited.some(one => one.file === file && pattern(one.name).test(name)))).toEqual([])
  })
})
