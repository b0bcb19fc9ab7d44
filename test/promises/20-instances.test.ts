import { createSessions } from 'holdfast'
import session from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { createApp, koaMajors, type Loose } from '../support/subjects.ts'
import { portOf, serve } from './koa.ts'
import { keys, MapStore, settled, Visitor, Watch, warnings } from './support.ts'

const HOUR = 3_600_000

/** Two sessions in one app: `ctx.visit` under /, for an hour, and `ctx.staff` under /staff, until the browser closes. */
const pairs: Record<string, (app: Loose) => void> = {
  'drop-in, cookie': app => dropIns(app, {}),
  'drop-in, one Map': app => dropIns(app, { store: new MapStore() }),
  'drop-in, one MemoryStore': app => dropIns(app, { store: new MemoryStore() }),
  'drop-in, one Map, unsigned': app => dropIns(app, { store: new MapStore(), signed: false }),
  'drop-in, one MemoryStore, unsigned': app => dropIns(app, { store: new MemoryStore(), signed: false }),
  'native, cookie': app => natives(app, {}),
  'native, one MemoryStore': app => natives(app, { store: new MemoryStore() }),
}

function dropIns(app: Loose, common: Loose): void {
  app.use(session({ ...common, key: 'visit', property: 'visit', maxAge: HOUR }, app))
  app.use(session({ ...common, key: 'staff', property: 'staff', path: '/staff', maxAge: 'session' }, app))
}

function natives(app: Loose, common: Loose): void {
  const visits = createSessions({ keys, ...common, cookie: { name: 'visit' } })
  const staff = createSessions({ keys, ...common, cookie: { name: 'staff', path: '/staff' } })
  app.use(session(visits, app, { property: 'visit' }))
  app.use(session(staff, app, { property: 'staff' }))
}

async function open(koa: 2 | 3, pair: (app: Loose) => void): Promise<Visitor> {
  const app = createApp(koa)
  app.keys = keys
  app.silent = true
  pair(app)
  app.use((ctx: Loose) => {
    const { visit, staff } = ctx
    if (ctx.path === '/staff/both') {
      visit.views = (visit.views ?? 0) + 1
      staff.name = 'ann'
    }
    if (ctx.path === '/views') visit.views = (visit.views ?? 0) + 1
    if (ctx.path === '/staff/out') ctx.staff = null
    ctx.body = JSON.stringify({ visit: { ...ctx.visit }, staff: { ...ctx.staff } })
  })
  return new Visitor(portOf(await serve(app)))
}

const told = async (visitor: Visitor, path: string) => JSON.parse((await visitor.get(path)).body)

const other = (name: string) => (name === 'visit' ? 'staff' : 'visit')

for (const koa of koaMajors) {
  for (const [name, pair] of Object.entries(pairs)) {
    describe(`Koa ${koa}, ${name}`, () => {
      it('promise 20: two sessions keep their own name, path, age and property', async () => {
        const visitor = await open(koa, pair)
        const { setCookie } = await visitor.get('/staff/both')
        const visit = setCookie.find(line => line.startsWith('visit=')) ?? ''
        const staff = setCookie.find(line => line.startsWith('staff=')) ?? ''
        expect(visit).toMatch(/; path=\/(;|$)/i)
        expect(staff).toMatch(/; path=\/staff(;|$)/i)
        expect(staff).not.toMatch(/expires/i)
        if (name.startsWith('drop-in')) expect(visit).toMatch(/; expires=/)
      })

      it('promise 20: what one does leaves the other alone', async () => {
        const visitor = await open(koa, pair)
        await visitor.get('/staff/both')
        expect((await visitor.get('/views')).setCookie.filter(line => line.startsWith('staff='))).toEqual([])
        expect(await told(visitor, '/staff')).toEqual({ visit: { views: 2 }, staff: { name: 'ann' } })
        expect((await visitor.get('/staff/out')).setCookie.filter(line => line.startsWith('visit='))).toEqual([])
        expect(await told(visitor, '/staff')).toEqual({ visit: { views: 2 }, staff: {} })
      })

      // A koa-session store keeps raw ids without a scope: only the signature tells unsigned cookies of two names apart.
      if (name === 'drop-in, one Map, unsigned') return
      it("promise 20: one session's cookie is nothing under the other's name", async () => {
        const visitor = await open(koa, pair)
        await visitor.get('/staff/both')
        const cookies = [...visitor.cookies].map(([cookie, value]) => [cookie.replace(/visit|staff/, other), value])
        visitor.cookies.clear()
        for (const [cookie = '', value = ''] of cookies) visitor.cookies.set(cookie, value)
        expect(await told(visitor, '/staff')).toEqual({ visit: {}, staff: {} })
      })
    })
  }

  describe(`Koa ${koa}, native, one MemoryStore`, () => {
    it("promise 20: a token under the other's name is refused before the store is asked", async () => {
      const watch = new Watch(new MemoryStore())
      const visitor = await open(koa, app => natives(app, { store: watch.store }))
      await visitor.get('/staff/both')
      const value = visitor.cookies.get('visit') ?? ''
      visitor.cookies.clear()
      watch.did()
      visitor.cookies.set('staff', value)
      expect(await told(visitor, '/staff')).toEqual({ visit: {}, staff: {} })
      expect(watch.did()).toEqual([])
    })
  })

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
