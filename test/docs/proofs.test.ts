// What the pages say is proved by a test, is; and what the tests state is in the pages.
import { readdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { codesIn, root, tableBelow, textOf } from './pages.ts'
import { numbersIn, PROMISES, promisesPage } from './promises-table.ts'
import { type TestName, testNames } from './test-names.ts'

let tests: TestName[] = []
/** Whole apps over HTTP. A unit test that bears a number shows a part, in no mode. */
let wholeApps: TestName[] = []
beforeAll(async () => {
  tests = await testNames(['test/promises', 'test/hard-cases', 'test/differential'])
  wholeApps = tests.filter(({ file }) => !file.startsWith('test/differential/'))
}, 180_000)

describe('docs/promises.md', () => {
  it('is what the tests make of it (UPDATE=1 writes it anew)', () => {
    const suites = readdirSync(`${root}test`).filter(name => readdirSync(`${root}test/${name}`).length > 0)
    const page = promisesPage(
      wholeApps,
      suites.map(name => `test/${name}`),
    )
    if (process.env.UPDATE) writeFileSync(`${root}docs/promises.md`, page)
    expect(textOf('docs/promises.md')).toBe(page)
  })

  it('has every number that a test bears', () => {
    expect(tests.filter(({ name }) => numbersIn(name).some(number => !(number in PROMISES))).map(({ name }) => name)).toEqual([])
  })

  it('changes with the tests', () => {
    const cellsOf = (number: number, list: TestName[], suites: string[] = []) => {
      const row = promisesPage(list, suites)
        .split('\n')
        .find(line => line.startsWith(`| ${number} |`))
      return row?.split(' | ').slice(2, 7)
    }
    const test = (name: string): TestName => ({ name, file: 'test/promises/x.test.ts' })
    expect(cellsOf(4, [])).toEqual(['–', 'not shown', 'not shown', '–', 'not shown'])
    expect(cellsOf(4, [test('Koa 3, drop-in, Map > promise 4: x')])).toEqual(['–', 'yes', 'not shown', '–', 'not shown'])
    expect(cellsOf(4, [test('Koa 2, native, MemoryStore > promise 4: x')])).toEqual(['–', 'not shown', 'not shown', '–', 'yes'])
    expect(cellsOf(4, [test('promise 4: x')])).toEqual(['–', 'yes', 'yes', '–', 'yes'])
    expect(cellsOf(1, [])).toEqual(['no', 'no', 'not shown', 'no', 'not shown'])
    expect(cellsOf(1, [test('promise 1: x, in createSessions')])).toEqual(['no', 'no', 'not shown', 'no', 'yes'])
    expect(cellsOf(11, [test('promise 11: the drop-in on Koa 3 > x')])).toEqual(['yes', 'yes', 'yes', 'not shown', 'not shown'])
    expect(cellsOf(25, [])).toEqual(['not shown', 'not shown', '–', '–', '–'])
    expect(cellsOf(25, [], ['test/differential'])).toEqual(['yes', 'yes', '–', '–', '–'])
    expect(numbersIn('promises 4, 7 and 26: x')).toEqual([4, 7, 26])
  })
})

interface Citation {
  file: string
  /** `*` stands for any text. */
  name: string
}

/** `file`: `name`; `name` … of the last column. */
function citations(): Citation[] {
  return tableBelow('docs/koa.md', 'Differences from koa-session').flatMap(row => {
    const [file = '', ...names] = codesIn(row.test)
    return names.map(name => ({ file: `test/differential/${file}.test.ts`, name }))
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
function statedDifferences(): Citation[] {
  const files = readdirSync(`${root}test/differential`).filter(name => name.endsWith('.test.ts') && name !== 'harness.test.ts')
  return files.flatMap(file => {
    let name = ''
    let area = ''
    const found: string[] = []
    for (const line of textOf(`test/differential/${file}`).split('\n')) {
      area = /compare\('([^']+)'/.exec(line)?.[1] ?? area
      const own = /^\s*name(?:: (?:(['"`])(.*)\1)|(,)).*$/.exec(line)
      if (own) name = own[3] || own[2]?.startsWith('${') ? area : (own[2] as string).replace(/\$\{[^}]*\}/g, '*')
      if (/^\s*differs: \{/.test(line)) found.push(name)
    }
    return [...new Set(found)].map(one => ({ file: `test/differential/${file}`, name: one }))
  })
}

describe('the differences in docs/koa.md', () => {
  it('are each stated by the test that is named', () => {
    const unknown = citations().filter(({ file, name }) => !tests.some(test => test.file === file && pattern(name).test(test.name)))
    expect(unknown).toEqual([])
  })

  it('are all that the differential tests state', () => {
    const stated = statedDifferences()
    expect(stated.length).toBeGreaterThan(20)
    const cited = citations()
    expect(stated.filter(({ file, name }) => !cited.some(one => one.file === file && pattern(one.name).test(name)))).toEqual([])
  })
})
