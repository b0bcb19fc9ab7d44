import { expect } from 'vitest'
import { read, type Visitor, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { startChildren } from '../http/children.ts'
import { increment } from '../http/handlers.ts'
import { meeting, range, type SiteSetup, sameBrowser } from '../http/stage.ts'
import { places } from '../subjects.ts'

const AT_ONCE = 100
const PROCESSES = 4
/** Each an update of its own; what goes on between them is HTTP. */
const A_REQUEST = 5
/** 2,000 in `npm test`; the flag is for a longer look. */
const increments = Number(process.env.HOLDFAST_INCREMENTS ?? 1000)

const overlapping: Check = {
  once: true,
  name: `promise 3: ${AT_ONCE} overlapping update(draft => { draft.n++ }) at two instances give ${AT_ONCE}`,
  async run(stage) {
    const met = meeting(AT_ONCE)
    const routes: SiteSetup['routes'] = {
      '/in': write({ n: 0 }),
      '/add': async t => {
        void t.session.n
        await met()
        return increment(t)
      },
      '/read': read('n'),
    }
    const sites = [await stage.site({ routes }), await stage.site({ routes })] as const
    const visitor = sites[0].visitor()
    await visitor.get('/in')
    const browsers = sites.map(site => sameBrowser(site, visitor))
    const answers = await Promise.all(range(AT_ONCE).map(n => browsers[n % 2]?.get('/add')))
    expect(answers.filter(answer => answer?.status !== 200)).toEqual([])
    expect((await visitor.get('/read')).body).toBe(String(AT_ONCE))
  },
}

const fourProcesses: Check = {
  name: `promise 3: ${increments} update(draft => { draft.n++ }) from four processes at once give ${increments}`,
  doors: ['native'],
  on: place => places[place].kind !== 'process',
  once: true,
  timeout: 600_000,
  async run(stage) {
    const children = await startChildren(stage, PROCESSES)
    const browsers = children.map(child => child.visitor())
    const [visitor] = browsers as [Visitor, ...Visitor[]]
    await visitor.get('/in')
    for (const browser of browsers) for (const [name, value] of visitor.cookies) browser.cookies.set(name, value)

    let left = increments / A_REQUEST
    const refused: unknown[] = []
    const add = async (browser: Visitor) => {
      while (left > 0) {
        left--
        const { status, body } = await browser.get(`/add?times=${A_REQUEST}`)
        if (status !== 200) refused.push([status, body])
      }
    }
    const lanes = places[stage.subject.place].lanes ?? 8
    await Promise.all(browsers.flatMap(browser => range(lanes).map(() => add(browser))))
    expect(refused).toEqual([])
    for (const browser of browsers) expect((await browser.get('/read')).body).toBe(String(increments))
  },
}

export const exactlyN: readonly Check[] = [overlapping, fourProcesses]
