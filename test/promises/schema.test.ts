import { inspect } from 'node:util'
import type { StandardSchema } from 'holdfast'
import { createSessions, userIdOf } from 'holdfast'
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

/** A number, perhaps. */
const strict: StandardSchema<object> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate: value => {
      const { n = 0 } = value as { n?: unknown }
      return typeof n === 'number'
        ? { value: value as object }
        : { issues: [{ message: `${n} is no number`, path: ['n', 0] }, 'odd', null] }
    },
  },
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
    const old = await open({ routes })
    const site = await open({ routes, store: old.store, native: { schema: cart() } })
    const { answer } = await told(old, site, '/wrong')
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
    const refused = { code: 'HOLDFAST_ASYNC_HOOK' }
    if (mode.place === 'memory') {
      expect((await told(site, site, '/right')).answer.body).toBe('{"note":"n","items":["apple"]}')
      expect(await site.visitor().get('/wrong')).toMatchObject({ status: 500, setCookie: [] })
      expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_DATA' })
      return
    }
    expect(await site.visitor().get('/right')).toMatchObject({ status: 500, setCookie: [] })
    expect(site.errors.at(-1)).toMatchObject(refused)
    const plain = await open({ routes })
    expect((await told(plain, site, '/right')).answer.status).toBe(500)
    expect(site.errors.at(-1)).toMatchObject(refused)
  })

  it('schema: data that do not fit are not stored: the request fails and says where, not what, and nobody is logged out', async () => {
    const site = await open({
      native: { schema: strict },
      routes: {
        '/in': t => t.session.login('ann').then(() => 'in'),
        '/wrong': write({ n: 'secret' }),
        '/who': t => `${userIdOf(t.session)} ${JSON.stringify(t.session)}`,
        '/update': t =>
          t.session.update((draft: { n: string }) => {
            draft.n = 'secret'
          }),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    site.store.did()
    for (const path of ['/wrong', '/update']) {
      expect(await visitor.get(path)).toMatchObject({ status: 500, setCookie: [] })
      const error = site.errors.at(-1)
      expect(error).toMatchObject({ code: 'HOLDFAST_DATA', message: expect.stringContaining('"n.0"') })
      expect(inspect(error)).not.toContain('secret')
    }
    expect(site.store.wrote()).toEqual([])
    expect((await visitor.get('/who')).body).toBe('ann {}')
    expect(site.events).toEqual([])
  })

  it('schema: a login with data that do not fit leaves no session of the user, and the one before lives on', async () => {
    const site = await open({
      native: { schema: strict },
      routes: {
        '/right': write({ n: 1 }),
        '/wrong-in': t => {
          t.session.n = 'secret'
          return t.session.login('bob')
        },
        '/who': t => `${userIdOf(t.session)} ${JSON.stringify(t.session)}`,
      },
    })
    const visitor = site.visitor()
    await visitor.get('/right')
    expect(await visitor.get('/wrong-in')).toMatchObject({ status: 500, setCookie: [] })
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_DATA' })
    if (mode.place === 'memory') expect(await site.sessions.list('bob')).toEqual([])
    expect((await visitor.get('/who')).body).toBe('undefined {"n":1}')
  })

  it('schema: one that does not take what it gives fails at the first write, and not at the next load', async () => {
    const text: StandardSchema<object> = {
      '~standard': {
        version: 1,
        vendor: 'by hand',
        validate: value => {
          const { n } = value as { n?: unknown }
          return typeof n === 'string' ? { value: { n: Number(n) } } : { issues: [{ message: 'n must be a text', path: [{ key: 'n' }] }] }
        },
      },
    }
    const plain = await open({ routes: { '/in': write({ n: '1' }) } })
    const site = await open({ routes: { '/all': tellAll, '/save': t => t.session.save() }, store: plain.store, native: { schema: text } })
    const { later, answer } = await told(plain, site, '/in', '/save')
    expect(answer).toMatchObject({ status: 500, setCookie: [] })
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_DATA', message: expect.stringContaining('"n"') })
    expect((await later.get('/all')).body).toBe('{"n":1}')
  })

  it('schema: it is asked once for each load and once for each write', async () => {
    let asked = 0
    const schema = cart(value => {
      asked++
      return { value }
    })
    const site = await open({ routes, native: { schema } })
    const visitor = site.visitor()
    await visitor.get('/right')
    expect(asked).toBe(1)
    await visitor.get('/all')
    expect(asked).toBe(2)
    await visitor.get('/more')
    expect(asked).toBe(4)
  })

  it.each(['throws', 'rejects'])('migrate: one that %s is a fresh session and an event, and what is stored stays', async how => {
    if (how === 'rejects' && mode.place === 'cookie') return
    const old = await open({ routes })
    const failure = new Error('a is not there')
    const site = await open({
      routes,
      store: old.store,
      native: {
        version: 2,
        migrate: () => {
          if (how === 'throws') throw failure
          return Promise.reject(failure)
        },
      },
    })
    const visitor = old.visitor()
    await visitor.get('/old')
    const later = site.visitor()
    later.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
    expect(await later.get('/all')).toMatchObject({ status: 200, body: '{}', setCookie: [] })
    await settled()
    expect(site.events.map(({ name, event }) => [name, event.value])).toEqual([['session:malformed', failure]])
    expect((await visitor.get('/all')).body).toBe('{"list":"apple,pear"}')
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
