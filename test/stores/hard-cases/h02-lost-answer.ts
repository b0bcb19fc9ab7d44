import { expect } from 'vitest'
import { logout, read, renew, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { throughProxy } from '../http/fault.ts'
import { increment } from '../http/handlers.ts'
import { range, type SiteSetup, sameBrowser } from '../http/stage.ts'
import { type PlaceName, places } from '../subjects.ts'

const CLIENTS = 4
const UPDATES = 200
const CUTS = 50

/** A proxy can stand before one server; several tell clients where they are. */
const proxied = (place: PlaceName) => places[place].durable === true && places[place].kind === 'server'

const routes: SiteSetup['routes'] = {
  '/in': write({ n: 0 }),
  '/add': increment,
  '/read': read('n'),
  '/renew': renew,
  '/out': logout,
}

/** What a client has sent, as text; some databases are sent values in hexadecimal. */
function said(request: Buffer): string {
  const text = request.toString('latin1')
  return text.replaceAll(/X'([0-9a-f]*)'/gi, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))
}

const says = (word: string) => (request: Buffer) => said(request).includes(word)

/** Chooses the saves whose new value is a multiple of `step`, each value once: a second attempt gets its answer. */
function everyNth(step: number): (request: Buffer) => boolean {
  const chosen = new Set<number>()
  return request => {
    // The data, with or without a client's backslashes.
    const value = Number(/"n\\?":(\d+)/.exec(said(request))?.[1] ?? 0)
    if (value === 0 || value % step !== 0 || chosen.has(value)) return false
    chosen.add(value)
    return true
  }
}

const updates: Check = {
  name: `H2: ${UPDATES} concurrent update(draft => { draft.n++ }) from ${CLIENTS} clients, ${CUTS} answers of the server lost on the way: exactly ${UPDATES}`,
  doors: ['native'],
  on: proxied,
  timeout: 60_000,
  async run(stage) {
    const { proxy, url } = await throughProxy(stage)
    const sites = await Promise.all(range(CLIENTS).map(() => stage.site({ routes, url })))
    const [site] = sites as [(typeof sites)[0], ...typeof sites]
    const visitor = site.visitor()
    await visitor.get('/in')
    const browsers = sites.map(one => sameBrowser(one, visitor))

    const which = everyNth(UPDATES / CUTS)
    let cuts = 0
    for (let n = 0; n < CUTS; n++) void proxy.cutNextAnswer(which).then(() => cuts++)
    const answers = await Promise.all(range(UPDATES).map(n => browsers[n % CLIENTS]?.get('/add')))
    expect(sites.flatMap(({ errors }) => errors)).toEqual([])
    expect(answers.filter(answer => answer?.status !== 200)).toEqual([])
    expect((await visitor.get('/read')).body).toBe(String(UPDATES))
    expect(cuts).toBe(CUTS)
  },
}

const others: Check = {
  name: 'H2: the answer to a login, a new id or a logout is lost on the way: it has happened, and once',
  doors: ['native'],
  on: proxied,
  async run(stage) {
    const { proxy, url } = await throughProxy(stage)
    const site = await stage.site({ routes, url })
    const live = async () => (await site.opened.store.list()).records.length
    const visitor = site.visitor()
    // The client is connected, the table is there.
    await site.visitor().get('/in')

    const lost = async (path: string, which: (request: Buffer) => boolean) => {
      const cut = proxy.cutNextAnswer(which)
      expect(await visitor.get(path)).toMatchObject({ status: 200 })
      await cut
    }
    await lost('/in', says('"n'))
    expect([await live(), (await visitor.get('/read')).body]).toEqual([2, '0'])
    await lost('/renew', says('regenerated'))
    expect([await live(), (await visitor.get('/read')).body]).toEqual([2, '0'])
    await lost('/out', says('destroyed'))
    expect([await live(), (await visitor.get('/read')).body]).toEqual([1, 'nothing'])
    expect(site.errors).toEqual([])
  },
}

export const lostAnswer: readonly Check[] = [updates, others]
