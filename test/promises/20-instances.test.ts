import http from 'node:http'
import Fastify from 'fastify'
import { createSessions } from 'holdfast'
import expressSession from 'holdfast/express'
import holdfastFastify from 'holdfast/fastify'
import fetchSession from 'holdfast/fetch'
import session from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { Hono } from 'hono'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fetchServer } from '../support/fetch-server.ts'
import { createApp, type KoaMajor, koaMajors, type Loose } from '../support/subjects.ts'
import { expressApp, storeFor } from './express.ts'
import { serve } from './koa.ts'
import { listening, portOf } from './serving.ts'
import { keys, MapStore, settled, Visitor, Watch, warnings } from './support.ts'

const HOUR = 3_600_000

/** Two sessions in one app: `visit` under /, for an hour, and `staff` under /staff, until the browser closes. */
interface Pair {
  native: boolean
  /** Options that both have. */
  common: Loose
}

const pairs: Record<string, () => Pair> = {
  'drop-in, cookie': () => ({ native: false, common: {} }),
  'drop-in, one Map': () => ({ native: false, common: { store: new MapStore() } }),
  'drop-in, one MemoryStore': () => ({ native: false, common: { store: new MemoryStore() } }),
  'drop-in, one Map, unsigned': () => ({ native: false, common: { store: new MapStore(), signed: false } }),
  'drop-in, one MemoryStore, unsigned': () => ({ native: false, common: { store: new MemoryStore(), signed: false } }),
  'native, cookie': () => ({ native: true, common: {} }),
  'native, one MemoryStore': () => ({ native: true, common: { store: new MemoryStore() } }),
}

function managers({ common }: Pair): { visits: Loose; staff: Loose } {
  return {
    visits: createSessions({ keys, ...common, cookie: { name: 'visit' } }),
    staff: createSessions({ keys, ...common, cookie: { name: 'staff', path: '/staff' } }),
  }
}

/** What the app does at each path, on Koa's context or on the request of Express. */
function act(path: string, own: Loose): string {
  const { visit, staff } = own
  if (path === '/staff/both') {
    visit.views = (visit.views ?? 0) + 1
    staff.name = 'ann'
  }
  if (path === '/views') visit.views = (visit.views ?? 0) + 1
  if (path === '/staff/out') own.staff = null
  const data = (session: Loose) => ({ ...session, cookie: undefined })
  return JSON.stringify({ visit: data(own.visit), staff: data(own.staff) })
}

/** The same app in each framework. */
interface Frame {
  name: string
  open(pair: Pair): Promise<Visitor>
}

const onKoa = (koa: KoaMajor): Frame => ({
  name: `Koa ${koa}`,
  async open(pair) {
    const app = createApp(koa)
    app.keys = keys
    app.silent = true
    if (pair.native) {
      const { visits, staff } = managers(pair)
      app.use(session(visits, app, { property: 'visit' }))
      app.use(session(staff, app, { property: 'staff' }))
    } else {
      app.use(session({ ...pair.common, key: 'visit', property: 'visit', maxAge: HOUR }, app))
      app.use(session({ ...pair.common, key: 'staff', property: 'staff', path: '/staff', maxAge: 'session' }, app))
    }
    app.use((ctx: Loose) => {
      ctx.body = act(ctx.path, ctx)
    })
    return new Visitor(portOf(await serve(app)))
  },
})

const onExpress = (major: 4 | 5): Frame => ({
  name: `Express ${major}`,
  async open(pair) {
    const app = expressApp(major)
    if (pair.native) {
      const { visits, staff } = managers(pair)
      app.use(expressSession(visits, { property: 'visit' }))
      app.use(expressSession(staff, { property: 'staff' }))
    } else {
      const { store } = pair.common
      const common = { secret: keys, resave: false, saveUninitialized: false, unset: 'destroy', store: storeFor(store) } as const
      app.use(expressSession({ ...common, name: 'visit', property: 'visit', cookie: { maxAge: HOUR } }))
      app.use(expressSession({ ...common, name: 'staff', property: 'staff', cookie: { path: '/staff' } }))
    }
    app.use((req: Loose, res: Loose) => res.send(act(req.path, req)))
    return new Visitor(portOf(await listening(http.createServer(app))))
  },
})

const onFastify: Frame = {
  name: 'Fastify 5',
  async open(pair) {
    const { visits, staff } = managers(pair)
    const app = Fastify()
    app.register(holdfastFastify, { sessions: visits, property: 'visit' })
    app.register(holdfastFastify, { sessions: staff, property: 'staff' })
    app.get('/*', async (request: Loose, reply) => reply.send(act(request.url, request)))
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => app.close())
    return new Visitor(portOf(app.server))
  },
}

const onHono: Frame = {
  name: 'Hono',
  async open(pair) {
    const { visits, staff } = managers(pair)
    const both: Loose = { visit: fetchSession(visits), staff: fetchSession(staff) }
    const app = new Hono()
    app.use(both.visit)
    app.use(both.staff)
    app.get('*', c => {
      const property = (name: string) => ({ get: () => both[name].of(c), set: (value: Loose) => both[name].set(c, value) })
      return c.text(act(c.req.path, Object.defineProperties({}, { visit: property('visit'), staff: property('staff') })))
    })
    return new Visitor(portOf(await listening(fetchServer(request => app.fetch(request)))))
  },
}

const frames = [...koaMajors.map(onKoa), onExpress(4), onExpress(5), onFastify, onHono]

/** On Express there is no cookie mode beside express-session's options, and no unsigned cookie; Fastify and Hono have no drop-in. */
function has(frame: Frame, pair: string): boolean {
  if (frame.name.startsWith('Koa')) return true
  return frame.name.startsWith('Express') ? !/drop-in, cookie|unsigned/.test(pair) : pair.startsWith('native')
}

const told = async (visitor: Visitor, path: string) => JSON.parse((await visitor.get(path)).body)

const other = (name: string) => (name === 'visit' ? 'staff' : 'visit')

for (const frame of frames) {
  for (const [name, pair] of Object.entries(pairs)) {
    if (!has(frame, name)) continue
    describe(`${frame.name}, ${name}`, () => {
      it('promise 20: two sessions keep their own name, path, age and property', async () => {
        const visitor = await frame.open(pair())
        const { setCookie } = await visitor.get('/staff/both')
        const visit = setCookie.find(line => line.startsWith('visit=')) ?? ''
        const staff = setCookie.find(line => line.startsWith('staff=')) ?? ''
        expect(visit).toMatch(/; path=\/(;|$)/i)
        expect(staff).toMatch(/; path=\/staff(;|$)/i)
        expect(staff).not.toMatch(/expires/i)
        if (name.startsWith('drop-in')) expect(visit).toMatch(/; expires=/i)
      })

      it('promise 20: what one does leaves the other alone', async () => {
        const visitor = await frame.open(pair())
        await visitor.get('/staff/both')
        expect((await visitor.get('/views')).setCookie.filter(line => line.startsWith('staff='))).toEqual([])
        expect(await told(visitor, '/staff/')).toEqual({ visit: { views: 2 }, staff: { name: 'ann' } })
        expect((await visitor.get('/staff/out')).setCookie.filter(line => line.startsWith('visit='))).toEqual([])
        expect(await told(visitor, '/staff/')).toEqual({ visit: { views: 2 }, staff: {} })
      })

      // A peer's store keeps raw ids without a scope: in koa-session only the signature, which covers the name, tells cookies of two
      // names apart; express-session's does not cover it.
      if (name === 'drop-in, one Map, unsigned' || (frame.name.startsWith('Express') && name === 'drop-in, one Map')) return
      it("promise 20: one session's cookie is nothing under the other's name", async () => {
        const visitor = await frame.open(pair())
        await visitor.get('/staff/both')
        const cookies = [...visitor.cookies].map(([cookie, value]) => [cookie.replace(/visit|staff/, other), value])
        visitor.cookies.clear()
        for (const [cookie = '', value = ''] of cookies) visitor.cookies.set(cookie, value)
        expect(await told(visitor, '/staff/')).toEqual({ visit: {}, staff: {} })
      })
    })
  }

  describe(`${frame.name}, native, one MemoryStore`, () => {
    it("promise 20: a token under the other's name is refused before the store is asked", async () => {
      const watch = new Watch(new MemoryStore())
      const visitor = await frame.open({ native: true, common: { store: watch.store } })
      await visitor.get('/staff/both')
      const value = visitor.cookies.get('visit') ?? ''
      visitor.cookies.clear()
      watch.did()
      visitor.cookies.set('staff', value)
      expect(await told(visitor, '/staff/')).toEqual({ visit: {}, staff: {} })
      expect(watch.did()).toEqual([])
    })
  })
}

for (const koa of koaMajors) {
  describe(`Koa ${koa}, two under one name`, () => {
    it("promise 20: the first answers until the second's middleware runs, and a warning says so", async () => {
      const seen = warnings()
      const app = createApp(koa)
      app.keys = keys
      const first = session({ key: 'first' }, app)
      const second = session({ key: 'second' }, app)
      app.use(first)
      app.use((ctx: Loose, next: Loose) => {
        ctx.session.from = 'first'
        return next()
      })
      app.use(second)
      app.use((ctx: Loose) => {
        ctx.body = String(ctx.session.from ?? 'nothing')
        ctx.session.from = 'second'
      })
      const visitor = new Visitor(portOf(await serve(app)))
      await settled()
      expect(seen.filter(warning => warning.code === 'HOLDFAST_PROPERTY')).toHaveLength(1)
      expect((await visitor.get('/')).body).toBe('nothing')
      expect([...visitor.cookies.keys()].filter(name => !name.endsWith('.sig')).sort()).toEqual(['first', 'second'])
      expect((await visitor.get('/')).body).toBe('second')
      const data = (name: string) => JSON.parse(Buffer.from(visitor.cookies.get(name) ?? '', 'base64').toString()).from
      expect([data('first'), data('second')]).toEqual(['first', 'second'])
    })
  })
}
