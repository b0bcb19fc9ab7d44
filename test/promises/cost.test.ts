import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { type Driver, dropInCookie, dropInMap, everyMode, type Mode, read, type Site, Watch, write } from './support.ts'
import { table } from './table.ts'

// What a request costs, counted: JSON, crypto, store calls. Bodies are texts, so that Koa itself writes no JSON.

const counted = [
  'createHmac',
  'createHash',
  'createCipheriv',
  'createDecipheriv',
  'hkdfSync',
  'randomBytes',
  'randomFillSync',
  'randomUUID',
  'timingSafeEqual',
] as const
const originals = new Map<string, Loose>()
/** The calls into node:crypto, by name; and what went into its hashes. */
const calls: string[] = []
const hashed: string[] = []

beforeEach(() => {
  const library = crypto as Loose
  for (const name of counted) {
    const original = library[name]
    originals.set(name, original)
    library[name] = (...args: unknown[]) => {
      calls.push(name)
      const made = original(...args)
      if (name !== 'createHmac' && name !== 'createHash') return made
      const update = made.update.bind(made)
      made.update = (data: unknown, ...rest: unknown[]) => {
        hashed.push(String(data))
        return update(data, ...rest)
      }
      return made
    }
  }
  syncBuiltinESMExports()
})

afterEach(() => {
  for (const [name, original] of originals) (crypto as Loose)[name] = original
  syncBuiltinESMExports()
  vi.restoreAllMocks()
})

/** A peer's store that deals in objects and writes no JSON itself. */
class ObjectStore {
  readonly records = new Map<string, object>()

  get(id: string): unknown {
    return this.records.get(id)
  }

  set(id: string, data: object): void {
    this.records.set(id, data)
  }

  destroy(id: string): void {
    this.records.delete(id)
  }
}

const routes = {
  '/in': write({ name: 'ann', zebra: 'stripes' }),
  '/read': read('name'),
  '/write': write({ zebra: 'spots' }),
  '/ping': () => 'pong',
}

interface Cost {
  parse: number
  stringify: number
  crypto: string[]
  hashed: string[]
  store: string[]
}

/** What one request of a visitor who is logged in costs. */
async function costOf(site: Site, path: string): Promise<Cost> {
  const visitor = site.visitor()
  await visitor.get('/in')
  // Once before: keys are derived and plans made at first use.
  await visitor.get(path)
  const cookie = visitor.header()
  site.store.did()
  calls.length = hashed.length = 0
  const parse = vi.spyOn(JSON, 'parse')
  const stringify = vi.spyOn(JSON, 'stringify')
  await site.visitor().get(path, { headers: { cookie } })
  const cost = { parse: parse.mock.calls.length, stringify: stringify.mock.calls.length }
  parse.mockRestore()
  stringify.mockRestore()
  return { ...cost, crypto: [...calls], hashed: [...hashed], store: site.store.did() }
}

const storeOf = (mode: Mode) => (mode.place === 'map' ? { store: new Watch(new ObjectStore()) } : {})

/** What happens behind the handler may change the session once more: it is compared again. */
const endsTwice = ({ framework }: Driver) => framework === 'fetch' || framework === 'fastify'

table(everyMode, (open, mode, driver) => {
  const load = mode.place === 'map' ? ['get'] : ['load']

  it('cost: a request that does not touch the session', async () => {
    const cost = await costOf(await open({ ...storeOf(mode), routes }), '/ping')
    if (mode.place === 'cookie') expect(cost).toEqual({ parse: 0, stringify: 0, crypto: [], hashed: [], store: [] })
    else expect(cost).toMatchObject({ stringify: 0, store: load })
    // A Holdfast store's record is parsed once, when it is loaded, to know that it can be.
    expect(cost.parse).toBeLessThanOrEqual(mode.place === 'memory' ? 1 : 0)
  })

  it('cost: an anonymous request that does not touch the session', async () => {
    const site = await open({ ...storeOf(mode), routes })
    await site.visitor().get('/ping')
    calls.length = 0
    site.store.did()
    await site.visitor().get('/ping')
    expect(calls).toEqual([])
    expect(site.store.did()).toEqual([])
  })

  it('cost: a request that reads', async () => {
    const cost = await costOf(await open({ ...storeOf(mode), routes }), '/read')
    expect(cost.store).toEqual(mode.place === 'cookie' ? [] : load)
    // A store that gave an object is compared with it; nothing is written as JSON.
    expect(cost.stringify).toBeLessThanOrEqual(mode.place === 'map' ? 0 : endsTwice(driver) ? 2 : 1)
    expect(cost.parse).toBeLessThanOrEqual(mode.place === 'map' ? 0 : mode.native && mode.place === 'cookie' ? 2 : 1)
  })

  it('cost: nothing is hashed to detect change', async () => {
    const site = await open({ ...storeOf(mode), routes })
    for (const path of ['/read', '/write']) {
      const { crypto: used, hashed: inputs } = await costOf(site, path)
      expect(inputs.filter(input => input.includes('zebra') || input.includes('stripes'))).toEqual([])
      if (mode.place === 'cookie') expect(used).not.toContain('createHash')
    }
    // A hash of the whole cookie would not contain these words: a large session is hashed as often as a small one.
    const large = await open({ ...storeOf(mode), routes: { ...routes, '/in': write({ zebra: 'stripes'.repeat(100) }) } })
    expect((await costOf(large, '/read')).crypto).toEqual((await costOf(site, '/read')).crypto)
  })

  it('cost: a request that writes is one write', async () => {
    const site = await open({
      ...storeOf(mode),
      routes: { ...routes, '/write': t => write({ zebra: String(site.store.calls.length) })(t) },
    })
    const cost = await costOf(site, '/write')
    const save = mode.place === 'map' ? 'set' : 'save'
    expect(cost.store).toEqual(mode.place === 'cookie' ? [] : [...load, save])
  })
})

table([dropInMap], open => {
  it('cost: an object from a store that nobody touches is not even copied', async () => {
    let reads = 0
    const store = new Watch(new ObjectStore())
    const site = await open({ store, routes })
    const visitor = site.visitor()
    await visitor.get('/in')
    const get = (target: Loose, name: string) => {
      if (name === 'zebra') reads++
      return target[name]
    }
    for (const [id, record] of store.target.records) store.target.records.set(id, new Proxy(record, { get }))
    await visitor.get('/ping')
    expect(reads).toBe(0)
    await visitor.get('/read')
    expect(reads).toBeGreaterThan(0)
  })
})

table([dropInCookie], open => {
  it('cost: an encrypted cookie costs a request that does not touch it nothing either', async () => {
    const cost = await costOf(await open({ options: { encrypt: true }, routes }), '/ping')
    expect(cost).toEqual({ parse: 0, stringify: 0, crypto: [], hashed: [], store: [] })
  })
})

table([dropInMap], open => {
  it('cost: with an encoder of the site, reading writes no JSON', async () => {
    const stringify = JSON.stringify
    const site = await open({ routes, store: new Watch(new ObjectStore()), options: { encode: (data: object) => stringify(data) } })
    expect((await costOf(site, '/read')).stringify).toBe(0)
  })
})
