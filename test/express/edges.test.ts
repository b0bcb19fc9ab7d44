// What the drop-in does where handlers, stores and options do what they should not.
import http from 'node:http'
import express from 'express'
import { createSessions } from 'holdfast'
import session from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { listening, portOf } from '../promises/serving.ts'
import { gate, keys, settled, Visitor, warnings } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'

const given = { secret: 'keyboard cat', resave: false, saveUninitialized: false }

/** An express-session store that tells its calls, and fails or is silent where it is told to. */
class Told extends session.Store {
  readonly records = new Map<string, string>()
  readonly did: string[] = []
  readonly fails = new Set<string>()
  readonly silent = new Set<string>()

  #call(name: string, done: Loose, work: () => unknown) {
    this.did.push(name)
    if (this.silent.has(name)) return
    if (this.fails.has(name)) setImmediate(done, new Error('no store'))
    else setImmediate(done, null, work())
  }

  get(id: string, done: Loose) {
    this.#call('get', done, () => this.records.has(id) && JSON.parse(this.records.get(id) as string))
  }

  set(id: string, data: Loose, done: Loose) {
    this.#call('set', done, () => this.records.set(id, JSON.stringify(data)))
  }

  destroy(id: string, done: Loose) {
    this.#call('destroy', done, () => this.records.delete(id))
  }
}

interface Site {
  app: Loose
  errors: Loose[]
  visitor(): Promise<Visitor>
}

function site(...middlewares: Loose[]): Site {
  const app: Loose = express()
  const errors: Loose[] = []
  for (const middleware of middlewares) app.use(middleware)
  app.get('/in', (req: Loose, res: Loose) => {
    req.session.user = 'ann'
    res.send('in')
  })
  app.get('/who', (req: Loose, res: Loose) => res.send(String(req.session?.user ?? 'nobody')))
  return {
    app,
    errors,
    async visitor() {
      app.use((error: Loose, _req: Loose, res: Loose, _next: Loose) => {
        errors.push(error)
        if (!res.headersSent) res.status(500).send(`error: ${error.message}`)
      })
      return new Visitor(portOf(await listening(http.createServer(app))))
    },
  }
}

const who = async (visitor: Visitor, cookie?: string) => (await visitor.get('/who', cookie ? { headers: { cookie } } : {})).body

describe('what ends stays ended', () => {
  it.each(['an express-session store', 'a Holdfast store'])(
    "a session that is unset and assigned anew has another id (unset: 'destroy', %s)",
    async kind => {
      const store: Loose = kind.startsWith('an') ? new Told() : new MemoryStore()
      const { app, visitor } = site(session({ ...given, store, unset: 'destroy' }))
      const late = gate()
      app.get('/again', (req: Loose, res: Loose) => {
        req.session = null
        req.session = { flash: 'bye' }
        res.send(req.session.flash)
      })
      app.get('/late', async (req: Loose, res: Loose) => {
        req.session.seen = true
        await late.pass()
        res.send('late')
      })
      const ann = await visitor()
      await ann.get('/in')
      const before = ann.header()
      const slow = ann.get('/late')
      await late.reached
      expect((await ann.get('/again')).body).toBe('bye')
      expect(ann.header()).not.toBe(before)
      late.open()
      await slow
      expect(await who(ann, before)).toBe('nobody')
    },
  )

  it('regenerate() that nobody waits for: the answer is no success where the old session could not be ended', async () => {
    const store = new Told()
    const { app, errors, visitor } = site(session({ ...given, store }))
    app.get('/renew', async (req: Loose, res: Loose) => {
      req.session.regenerate()
      for (let turn = 0; turn < 5; turn++) await settled()
      res.send('renewed')
    })
    const ann = await visitor()
    await ann.get('/in')
    const before = ann.header()
    store.fails.add('destroy')
    expect((await ann.get('/renew')).status).toBe(500)
    expect(errors.at(-1)).toMatchObject({ code: 'HOLDFAST_STORE' })
    store.fails.clear()
    expect((await ann.get('/renew', { headers: { cookie: before } })).body).toBe('renewed')
    expect(await who(ann, before)).toBe('nobody')
  })

  it('a logout that the store fails is an error, and clears the cookie all the same', async () => {
    const store = new Told()
    const { app, visitor } = site(session({ ...given, store }))
    app.get('/out', (req: Loose, res: Loose, next: Loose) =>
      req.session.destroy((error: unknown) => (error ? next(error) : res.send('out'))),
    )
    const ann = await visitor()
    await ann.get('/in')
    store.fails.add('destroy')
    expect((await ann.get('/out')).status).toBe(500)
    expect(ann.header()).toBe('')
  })

  it('of two session() on one store, what one has ended the other does not bring back', async () => {
    const store = new Told()
    const one = site(session({ ...given, store }))
    const other = site(session({ ...given, store }))
    const late = gate()
    one.app.get('/late', async (req: Loose, res: Loose) => {
      req.session.seen = true
      await late.pass()
      res.send('late')
    })
    other.app.get('/out', (req: Loose, res: Loose) => req.session.destroy(() => res.send('out')))
    const [ann, elsewhere] = [await one.visitor(), await other.visitor()]
    await ann.get('/in')
    const cookie = ann.header()
    const slow = ann.get('/late')
    await late.reached
    await elsewhere.get('/out', { headers: { cookie } })
    late.open()
    await slow
    expect(store.records.size).toBe(0)
  })
})

describe('a session that the handler made by the store', () => {
  const borrow = (req: Loose, id: string) =>
    new Promise<void>((resolve, reject) => {
      req.sessionStore.get(id, (error: unknown, stored: Loose) => {
        if (error) reject(error)
        req.sessionID = id
        req.sessionStore.createSession(req, stored)
        resolve()
      })
    })

  async function borrowed() {
    const store = new Told()
    const { app, errors, visitor } = site(session({ ...given, store, storeTimeout: 200 }))
    for (const method of ['regenerate', 'destroy']) {
      app.get(`/${method}/:id`, async (req: Loose, res: Loose) => {
        await borrow(req, req.params.id)
        await req.session[method]()
        res.send('done')
      })
    }
    app.get('/change/:id', async (req: Loose, res: Loose) => {
      await borrow(req, req.params.id)
      req.session.changed = true
      res.send('changed')
    })
    const ann = await visitor()
    await ann.get('/in')
    const [id = ''] = [...store.records.keys()]
    return { store, errors, id, stranger: new Visitor(portOf(await listening(http.createServer(app)))), ann }
  }

  it.each(['regenerate', 'destroy'])('%s() ends it', async method => {
    const { store, id, stranger, ann } = await borrowed()
    expect((await stranger.get(`/${method}/${id}`)).body).toBe('done')
    expect(store.records.has(id)).toBe(false)
    expect(await who(ann)).toBe('nobody')
  })

  it('is saved in time, or fails', async () => {
    const { store, errors, id, stranger } = await borrowed()
    store.silent.add('set')
    expect((await stranger.get(`/change/${id}`)).status).toBe(500)
    expect(errors.at(-1)).toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'unknown' })
  })
})

describe('answers', () => {
  it('of two sessions, what one has stored is told also where the save of the other fails', async () => {
    const [failing, fine] = [new Told(), new Told()]
    const { app, visitor } = site(
      session({ ...given, store: failing, name: 'a', property: 'a' }),
      session({ ...given, store: fine, name: 'b', property: 'b' }),
    )
    app.get('/both', (req: Loose, res: Loose) => {
      req.a.n = req.b.n = 1
      res.send('both')
    })
    const ann = await visitor()
    failing.fails.add('set')
    expect((await ann.get('/both')).status).toBe(500)
    expect([failing.records.size, fine.records.size]).toEqual([0, 1])
    expect([...ann.cookies.keys()]).toEqual(['b'])
  })

  it('that began before the session are left as they are', async () => {
    const { app, errors, visitor } = site((_req: Loose, res: Loose, next: Loose) => {
      res.write('early ')
      next()
    }, session(given))
    app.get('/read', (req: Loose, res: Loose) => res.end(String(req.session.user)))
    const ann = await visitor()
    expect(await ann.get('/read')).toMatchObject({ status: 200, body: 'early undefined' })
    expect(errors).toEqual([])
  })

  it('that somebody gives while the store is still asked go out', async () => {
    const store = new Told()
    const { visitor } = site(
      (req: Loose, res: Loose, next: Loose) => {
        if (req.path === '/early') setTimeout(() => res.status(202).send('early'))
        next()
      },
      session({ ...given, store }),
    )
    const ann = await visitor()
    await ann.get('/in')
    store.silent.add('get')
    expect(await ann.get('/early')).toMatchObject({ status: 202, body: 'early' })
  })

  it('to a store that fails after the first octet are broken off, also where a method has failed before', async () => {
    const store = new Told()
    const { app, visitor } = site(session({ ...given, store }))
    app.get('/late', async (req: Loose, res: Loose) => {
      res.write('a')
      await settled()
      await req.session.regenerate().catch(() => undefined)
      req.session.n = 1
      store.fails.add('set')
      res.end('b')
    })
    const ann = await visitor()
    await ann.get('/in')
    await expect(ann.get('/late')).rejects.toThrow()
  })
})

describe('options', () => {
  it.each([{ domain: 'a b;c' }, { path: '/;x' }, { sameSite: 'foo' }])(
    'a cookie that cannot be written leaves no record (%j)',
    async cookie => {
      const store = new Told()
      const { errors, visitor } = site(session({ ...given, store, cookie: { ...cookie, path: '/' } as Loose }))
      const odd = site(session({ ...given, store, cookie: cookie as Loose }))
      const ann = await (cookie.path
        ? site(
            (req: Loose, _res: Loose, next: Loose) => {
              req.url = req.originalUrl = '/;x/in'
              next()
            },
            session({ ...given, store, cookie: cookie as Loose }),
          )
        : odd
      ).visitor()
      void visitor
      void errors
      await ann.get('/in')
      expect(store.records.size).toBe(0)
    },
  )

  it('a cookie function that answers by a promise is refused', async () => {
    const { errors, visitor } = site(session({ ...given, cookie: (async () => ({ secure: true })) as Loose }))
    expect((await (await visitor()).get('/in')).status).toBe(500)
    expect(errors).toMatchObject([{ code: 'HOLDFAST_ASYNC_HOOK' }])
  })

  it('a skip that throws leaves a session that can be looked at', async () => {
    const app: Loose = express()
    const skip = () => {
      throw new Error('no skip')
    }
    app.use(session({ ...given, skip, store: new Told() }))
    app.use((error: Loose, req: Loose, res: Loose, _next: Loose) => res.status(500).send(`${error.message} ${req.session?.user}`))
    const ann = new Visitor(portOf(await listening(http.createServer(app))))
    expect((await ann.get('/')).body).toBe('no skip undefined')
  })

  it('what a parent skips, a mounted app may have of its own', async () => {
    const store = new Told()
    const sub: Loose = express()
    sub.use(session({ ...given, store, name: 'sub' }))
    sub.get('/in', (req: Loose, res: Loose) => {
      req.session.user = 'ann'
      res.send('in')
    })
    const { app, visitor } = site(session({ ...given, skip: req => req.path.startsWith('/api') }))
    app.use('/api', sub)
    const ann = await visitor()
    await ann.get('/api/in')
    expect([...ann.cookies.keys()]).toEqual(['sub'])
    expect(store.records.size).toBe(1)
  })

  it('a skipped request stores nothing, whatever it does', async () => {
    const store = new MemoryStore()
    const { app, visitor } = site(session({ ...given, store, skip: () => true }))
    app.get('/all', async (req: Loose, res: Loose) => {
      await req.session.regenerate()
      await req.session.update((draft: Loose) => Object.assign(draft, { n: 1 }))
      await req.session.save()
      res.send('all')
    })
    expect(await (await visitor()).get('/all')).toMatchObject({ status: 200, setCookie: [] })
    expect(store.size).toBe(0)
  })
})

describe('update()', () => {
  it.each(['save', 'id', 'cookie'])('refuses data under the name %s, and nothing is stored', async name => {
    const store = new MemoryStore()
    const { app, visitor } = site(session({ ...given, store }))
    app.get('/update', async (req: Loose, res: Loose) => {
      const failure = await req.session
        .update((draft: Loose) => Object.assign(draft, { [name]: 'x', n: 1 }))
        .catch((error: Loose) => error.code)
      res.send(`${failure} ${req.session.n} ${typeof req.session.save} ${typeof req.session.cookie}`)
    })
    const ann = await visitor()
    await ann.get('/in')
    expect((await ann.get('/update')).body).toBe('HOLDFAST_DATA undefined function object')
    expect(await who(ann)).toBe('ann')
  })
})

describe('req.sessionStore over a Holdfast store', () => {
  it('knows what there is, and nothing of what there is not', async () => {
    const seen = warnings()
    const { app, visitor } = site(session({ ...given, store: new MemoryStore() }))
    app.get('/ask', (req: Loose, res: Loose) => {
      const { sessionStore: store, sessionID: id } = req
      store.get('unknown', (error: unknown, none: unknown) => {
        store.get(id, (_error: unknown, mine: Loose) => {
          store.destroy('unknown', (second: unknown) => {
            store.destroy(id, (third: unknown) => res.json([error, none, mine.user, second ?? null, third ?? null]))
          })
        })
      })
    })
    const ann = await visitor()
    await ann.get('/in')
    expect(JSON.parse((await ann.get('/ask')).body)).toEqual([null, null, 'ann', null, null])
    expect(await who(ann)).toBe('nobody')
    expect(seen.filter(({ code }) => code !== 'HOLDFAST_OPTION')).toEqual([])
  })
})

describe('methods of the response', () => {
  for (const kind of ['drop-in', 'native, cookie mode'] as const) {
    const open = () => (kind === 'drop-in' ? session({ ...given, store: new Told() }) : session(createSessions({ keys })))

    it.each(['untouched', 'changed'])(`that somebody has kept from before the session end the answer (${kind}, %s)`, async what => {
      const { app, errors, visitor } = site((req: Loose, res: Loose, next: Loose) => {
        const { end, write } = res
        req.watchdog = () => {
          write.call(res, 'time')
          end.call(res, 'out')
        }
        next()
      }, open())
      app.get('/slow', (req: Loose) => {
        if (what === 'changed') req.session.n = 1
        req.watchdog()
      })
      expect(await (await visitor()).get('/slow')).toMatchObject({ status: 200, body: 'timeout' })
      expect(errors).toEqual([])
    })

    it(`called after the end, are ignored where nobody listens to errors (${kind})`, async () => {
      const { app, errors, visitor } = site(open())
      app.get('/twice', (req: Loose, res: Loose) => {
        req.session.n = 1
        res.end('one')
        res.end('two')
        res.write('three')
      })
      const ann = await visitor()
      expect(await ann.get('/twice')).toMatchObject({ status: 200, body: 'one' })
      expect(await who(ann)).toBe('nobody')
      expect(errors).toEqual([])
    })
  }
})

describe('native mode', () => {
  it.each(['null', 'delete', 'a plain property'])(
    'req.session that is set to nothing, deleted or replaced is what it says (%s)',
    async how => {
      const store = new MemoryStore()
      const { app, visitor } = site(session(createSessions({ keys, store })))
      app.get('/change', (req: Loose, res: Loose) => {
        if (how === 'null') req.session = null
        else delete req.session
        if (how === 'a plain property') Object.defineProperty(req, 'session', { value: { user: 'bob' }, configurable: true })
        res.send(String(req.session))
      })
      const ann = await visitor()
      await ann.get('/in')
      const before = ann.header()
      await ann.get('/change')
      const after = how === 'a plain property' ? 'bob' : 'nobody'
      expect(await who(ann)).toBe(after)
      expect(await who(ann, before)).toBe(after)
    },
  )
})

describe('a logout while another request is open', () => {
  it('is not undone by a new id with the old data', async () => {
    const { app, errors, visitor } = site(session({ ...given, store: new MemoryStore() }))
    const late = gate()
    app.get('/renew', async (req: Loose, res: Loose) => {
      const { cookie: _, ...kept } = req.session
      await late.pass()
      await req.session.regenerate()
      Object.assign(req.session, kept)
      res.send('renewed')
    })
    app.get('/out', (req: Loose, res: Loose) => req.session.destroy(() => res.send('out')))
    const ann = await visitor()
    await ann.get('/in')
    const slow = new Visitor(ann.port)
    for (const [name, value] of ann.cookies) slow.cookies.set(name, value)
    const answer = slow.get('/renew')
    await late.reached
    await ann.get('/out')
    late.open()
    expect(await answer).toMatchObject({ status: 500, setCookie: [] })
    expect(errors).toMatchObject([{ code: 'HOLDFAST_GONE', status: 409 }])
    expect(await who(slow)).toBe('nobody')
  })
})
