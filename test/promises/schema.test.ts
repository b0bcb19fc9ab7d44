import type { StandardSchema } from 'holdfast'
import { createSessions } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { keys, nativeCookie, nativeMemory, type Setup, type Site, settled, type Turn, tellAll, write } from './support.ts'
import { table } from './table.ts'

interface Cart {
  items: string[]
  note?: string
}

/** A Standard Schema made by hand: a list of texts, and perhaps a note. `answer` makes it late, or strict in its order of keys. */
function cart(answer: (value: Cart) => unknown = value => ({ value })): StandardSchema<Cart> {
  const validate = (value: unknown) => {
    const { items = [], note } = value as Partial<Cart>
    if (!Array.isArray(items) || items.some(item => typeof item !== 'string')) return { issues: [{ message: 'items must be texts' }] }
    return answer({ ...(note !== undefined && { note }), items }) as { value: Cart }
  }
  return { '~standard': { version: 1, vendor: 'by hand', validate } }
}

const routes: Setup['routes'] = {
  '/old': write({ list: 'apple,pear' }),
  '/right': write({ items: ['apple'], note: 'n' }),
  '/wrong': write({ items: 7 }),
  '/more': t => {
    t.session.items.push('plum')
    return 'more'
  },
  '/all': tellAll,
}

/** Two deploys of one site: the same browser, keys and store. */
const told = async (first: Site, second: Site, write: string, read = '/all') => {
  const visitor = first.visitor()
  await visitor.get(write)
  const later = second.visitor()
  later.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
  const answer = await later.get(read)
  return { later, answer, data: (await later.get('/all')).body }
}

const migrate = (data: { list?: string }, from: number) => ({ items: (data.list ?? '').split(','), note: `from ${from}` })

table([nativeCookie, nativeMemory], (open, mode) => {
  it('schema: data that fit are what the handler gets, in the validator’s order of keys, and nothing is written for that', async () => {
    const site = await open({ routes, native: { schema: cart() } })
    const visitor = site.visitor()
    await visitor.get('/right')
    site.store.did()
    const answer = await visitor.get('/all')
    expect(answer.body).toBe('{"note":"n","items":["apple"]}')
    expect(answer.setCookie).toEqual([])
    expect(site.store.wrote()).toEqual([])
  })

  it('schema: what a validator adds is there, and is stored with the next change', async () => {
    const plain = await open({ routes: { '/in': write({ note: 'n' }) } })
    const site = await open({ routes, store: plain.store, native: { schema: cart() } })
    const { later, data } = await told(plain, site, '/in')
    expect(JSON.parse(data)).toEqual({ note: 'n', items: [] })
    await later.get('/more')
    expect(JSON.parse((await later.get('/all')).body)).toEqual({ note: 'n', items: ['plum'] })
  })

  it('schema: data that do not fit are a fresh session and an event', async () => {
    const site = await open({ routes, native: { schema: cart() } })
    const { answer } = await told(site, site, '/wrong')
    expect(answer).toMatchObject({ status: 200, body: '{}' })
    await settled()
    // Express's native events are told by the manager.
    expect(site.events.map(({ name }) => name)).toContain('session:malformed')
  })

  it('version and migrate: data of an older deploy become such of this one, and are stored with the next change', async () => {
    const old = await open({ routes })
    const migrated: number[] = []
    const site = await open({
      routes,
      store: old.store,
      native: {
        schema: cart(),
        version: 2,
        migrate: (data: object, from: number) => {
          migrated.push(from)
          return migrate(data, from)
        },
      },
    })
    const { later, data } = await told(old, site, '/old')
    expect(JSON.parse(data)).toEqual({ items: ['apple', 'pear'], note: 'from 0' })
    expect(migrated.length).toBeGreaterThan(0)
    await later.get('/more')
    migrated.length = 0
    expect(JSON.parse((await later.get('/all')).body)).toEqual({ items: ['apple', 'pear', 'plum'], note: 'from 0' })
    expect(migrated).toEqual([])
  })

  it('version: data of a newer deploy are a fresh session after a rollback, not a guess', async () => {
    const newer = await open({ routes, native: { version: 3, migrate } })
    const older = await open({ routes, store: newer.store, native: { version: 2, migrate } })
    expect((await told(newer, older, '/right')).data).toBe('{}')
  })

  it('schema: one that answers later is awaited with a store, and refused in cookie mode', async () => {
    const late = cart(value => new Promise(resolve => setImmediate(resolve, { value })))
    const site = await open({ routes, native: { schema: late } })
    const { answer } = await told(site, site, '/right')
    if (mode.place === 'memory') expect(answer.body).toBe('{"note":"n","items":["apple"]}')
    else {
      expect(answer.status).toBe(500)
      expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_ASYNC_HOOK' })
    }
  })
})

it.each([
  [{ schema: {} }, /schema/],
  [{ schema: { '~standard': { version: 2, validate() {} } } }, /schema/],
  [{ version: -1 }, /version/],
  [{ version: 1.5 }, /version/],
  [{ migrate: 7 }, /migrate/],
  [{ migrate: () => ({}) }, /version/],
])('createSessions refuses %o', (options, message) => {
  expect(() => createSessions({ keys, ...(options as object) })).toThrow(message)
})

it('the type of the data is the schema’s', () => {
  const sessions = createSessions({ keys, schema: cart() })
  const load: (request: { headers: object }) => Promise<Cart | null> = sessions.load.bind(sessions) as never
  expect(load).toBeTypeOf('function')
})

const people: Setup['routes'] = {
  '/in': t => {
    t.session.items = ['apple']
    return t.session.login('ann').then(() => 'in')
  },
  '/out': t => t.session.logout().then(() => 'out'),
  '/null': t => {
    t.session = null
    return 'out'
  },
  '/bob': t => {
    t.session.items = ['pear']
    return t.session.login('bob').then(() => 'in')
  },
  '/all': tellAll,
}
const refusing = () => cart(value => (value.items.length > 0 ? { issues: [{ message: 'another layout' }] } : { value }))

table([nativeCookie, nativeMemory], (open, mode) => {
  for (const path of ['/out', '/null', ...(mode.place === 'memory' ? ['/renew'] : [])]) {
    it(`schema: a session that does not fit here, such as one of another deploy, is ended by ${path} all the same`, async () => {
      const revocations = mode.place === 'cookie' ? { revocations: new MemoryStore() } : {}
      const one = await open({ routes: people, native: { schema: cart(), ...revocations } })
      const routes = { ...people, '/renew': (t: Turn) => t.session.regenerate().then(() => 'new') }
      const other = await open({ routes, store: one.store, native: { schema: refusing(), ...revocations } })
      const ann = one.visitor()
      await ann.get('/in')
      const leaving = other.visitor()
      leaving.take([...ann.cookies].map(([name, value]) => `${name}=${value}`))
      expect((await leaving.get('/all')).body).toBe('{}')
      expect((await leaving.get(path)).status).toBe(200)
      // A process that has just started: the others hear of it within seconds.
      const later = await open({ routes: people, store: one.store, native: { schema: cart(), ...revocations } })
      const copy = later.visitor()
      copy.take([...ann.cookies].map(([name, value]) => `${name}=${value}`))
      expect((await copy.get('/all')).body).toBe('{}')
      if (mode.place === 'memory') expect(await one.sessions.list('ann')).toEqual([])
    })
  }
})
