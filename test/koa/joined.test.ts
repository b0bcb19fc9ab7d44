import { createSessions } from 'holdfast'
import session from 'holdfast/koa'
import { describe, expect, it } from 'vitest'
import { serve } from '../promises/koa.ts'
import { portOf } from '../promises/serving.ts'
import { dropInModes, everyMode, keys, type Mode, nativeMemory, newStore, Visitor, type Watch } from '../promises/support.ts'
import { createApp, koaMajors, type Loose } from '../support/subjects.ts'

type Next = () => Promise<unknown>

/** Runs another app's middleware on this app's context, under a path, as koa-mount does. */
function mount(prefix: string, sub: Loose) {
  return async (ctx: Loose, next: Next): Promise<unknown> => {
    if (!ctx.path.startsWith(prefix)) return next()
    const outer = ctx.path
    const inner = outer.slice(prefix.length) || '/'
    const run = async (index: number): Promise<unknown> => {
      const middleware = sub.middleware[index]
      if (middleware) return middleware(ctx, () => run(index + 1))
      ctx.path = outer
      await next()
      ctx.path = inner
    }
    ctx.path = inner
    await run(0)
    ctx.path = outer
  }
}

interface Stage {
  store: Watch
  app: Loose
  /** One more `session()` for an app, which stands for the same session. */
  sessionOf(app: Loose, options?: object): Loose
  newApp(): Loose
  visitor(): Promise<Visitor>
}

function stage(koa: 2 | 3, mode: Mode): Stage {
  const store = newStore(mode)
  const kept = mode.place === 'cookie' ? {} : { store: store.store }
  const sessions = mode.native ? createSessions({ keys, ...kept }) : undefined
  const newApp = () => Object.assign(createApp(koa), { keys, silent: true })
  const app = newApp()
  return {
    store,
    app,
    newApp,
    sessionOf: (of, options = {}) => (sessions ? session(sessions, of) : session({ ...kept, ...options }, of)),
    visitor: async () => new Visitor(portOf(await serve(app))),
  }
}

const tell = (ctx: Loose) => {
  ctx.body = JSON.stringify(ctx.session)
}

const names = (lines: string[]) => lines.map(line => line.slice(0, line.indexOf('='))).sort()

for (const koa of koaMajors) {
  describe.each(everyMode)(`one session for two on Koa ${koa}, $name`, mode => {
    it('a mounted app and its parent see and keep what the other one writes', async () => {
      const { app, newApp, sessionOf, visitor, store } = stage(koa, mode)
      const sub = newApp()
      sub.use(sessionOf(sub))
      sub.use(async (ctx: Loose, next: Next) => {
        ctx.session.sub = (ctx.session.sub ?? 0) + 1
        ctx.state.seen = ctx.session.user
        await next()
      })
      app.use(sessionOf(app))
      app.use(async (ctx: Loose, next: Next) => {
        const { session: before } = ctx
        ctx.session.user = `ann ${ctx.query.v}`
        await next()
        ctx.session.after = ctx.query.v
        ctx.body += ` ${ctx.state.seen} ${before === ctx.session}`
      })
      app.use(mount('/sub', sub))
      app.use(tell)

      const ann = await visitor()
      const first = await ann.get('/sub/page?v=1')
      expect(first.body).toBe('{"user":"ann 1","sub":1} ann 1 true')
      expect(new Set(names(first.setCookie)).size).toBe(first.setCookie.length)
      if (mode.place !== 'cookie') expect(store.size).toBe(1)
      expect((await ann.get('/sub/page?v=2')).body).toContain('"sub":2')
      expect(JSON.parse((await ann.get('/?v=3')).body.replace(/ undefined true$/, ''))).toEqual({ user: 'ann 3', sub: 2, after: '2' })
    })

    it('a logout in a mounted app is the parent’s as well', async () => {
      const { app, newApp, sessionOf, visitor } = stage(koa, mode)
      const sub = newApp()
      sub.use(sessionOf(sub))
      sub.use((ctx: Loose) => {
        ctx.session = null
        ctx.body = 'out'
      })
      app.use(sessionOf(app))
      app.use(async (ctx: Loose, next: Next) => {
        if (ctx.path === '/in') ctx.session.user = 'ann'
        await next()
        if (ctx.path === '/out') ctx.body += ` ${ctx.session}`
      })
      app.use(mount('/out', sub))
      app.use(tell)
      const ann = await visitor()
      await ann.get('/in')
      expect((await ann.get('/out')).body).toBe('out null')
      expect(ann.cookies.size).toBe(0)
      expect((await ann.get('/')).body).toBe('{}')
    })

    it('a second session() of the same cookie in one app is the same session', async () => {
      const { app, sessionOf, visitor } = stage(koa, mode)
      app.use(sessionOf(app))
      app.use(async (ctx: Loose, next: Next) => {
        ctx.session.user = 'ann'
        await next()
      })
      app.use(sessionOf(app))
      app.use((ctx: Loose) => {
        ctx.session.n = (ctx.session.n ?? 0) + 1
        tell(ctx)
      })
      const ann = await visitor()
      expect((await ann.get('/')).body).toBe('{"user":"ann","n":1}')
      expect((await ann.get('/')).body).toBe('{"user":"ann","n":2}')
    })

    it('a mounted app whose parent has no session has its own', async () => {
      const { app, newApp, sessionOf, visitor } = stage(koa, mode)
      const sub = newApp()
      sub.use(sessionOf(sub))
      sub.use((ctx: Loose) => {
        ctx.session.n = (ctx.session.n ?? 0) + 1
        tell(ctx)
      })
      app.use(mount('/sub', sub))
      const ann = await visitor()
      await ann.get('/sub')
      expect((await ann.get('/sub')).body).toBe('{"n":2}')
    })
  })

  describe.each(dropInModes)(`one session for two, with skip, on Koa ${koa}, $name`, mode => {
    it('what skip says to the mounted app takes nothing from the session that the parent has begun', async () => {
      const { app, newApp, sessionOf, visitor } = stage(koa, mode)
      const skip = (ctx: Loose) => ctx.path.startsWith('/public')
      const sub = newApp()
      sub.use(sessionOf(sub, { skip }))
      sub.use((_ctx: Loose, next: Next) => next())
      app.use(sessionOf(app, { skip }))
      app.use((ctx: Loose, next: Next) => {
        if (ctx.path !== '/') ctx.session.user = 'ann'
        return next()
      })
      app.use(mount('/sub', sub))
      app.use(tell)
      const ann = await visitor()
      await ann.get('/sub/public/page')
      expect((await ann.get('/')).body).toBe('{"user":"ann"}')
    })
  })

  describe.each(dropInModes)(`two sessions under one name on Koa ${koa}, $name`, mode => {
    it('a mounted app with a cookie of its own has a session of its own, and then the parent has its own again', async () => {
      const { app, newApp, sessionOf, visitor } = stage(koa, mode)
      const sub = newApp()
      sub.use(sessionOf(sub, { key: 'inner' }))
      sub.use((ctx: Loose) => {
        ctx.session.sub = (ctx.session.sub ?? 0) + 1
        tell(ctx)
      })
      app.use(sessionOf(app, { key: 'outer' }))
      app.use(async (ctx: Loose, next: Next) => {
        ctx.session.user = 'ann'
        await next()
        ctx.body += JSON.stringify(ctx.session)
        ctx.session.last = ctx.path
      })
      app.use(mount('/sub', sub))
      app.use(tell)
      const ann = await visitor()
      expect((await ann.get('/sub')).body).toBe('{"sub":1}{"user":"ann"}')
      expect((await ann.get('/sub')).body).toBe('{"sub":2}{"user":"ann","last":"/sub"}')
      expect(names(ann.header().split('; ')).filter(name => !name.endsWith('.sig'))).toEqual(['inner', 'outer'])
    })
  })

  describe(`two native managers under one name on Koa ${koa}`, () => {
    it('each has its session, and the parent has its own again afterwards, also when the mounted app throws', async () => {
      const outer = createSessions({ keys, store: newStore(nativeMemory).store, cookie: { name: 'outer' } })
      const inner = createSessions({ keys, store: newStore(nativeMemory).store, cookie: { name: 'inner' } })
      const [app, sub] = [createApp(koa), createApp(koa)]
      app.silent = true
      sub.use(session(inner, sub))
      sub.use((ctx: Loose) => {
        ctx.session.sub = 1
        throw new Error('the mounted app fails')
      })
      app.use(session(outer, app))
      app.use(async (ctx: Loose, next: Next) => {
        ctx.session.user = 'ann'
        await next().catch(() => tell(ctx))
      })
      app.use(mount('/sub', sub))
      const ann = new Visitor(portOf(await serve(app)))
      expect((await ann.get('/sub')).body).toBe('{"user":"ann"}')
      expect([...ann.cookies.keys()].sort()).toEqual(['inner', 'outer'])
    })
  })
}
