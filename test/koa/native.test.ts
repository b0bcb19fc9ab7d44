import session from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it, vi } from 'vitest'
import { serve } from '../promises/koa.ts'
import { portOf } from '../promises/serving.ts'
import { dropInCookie, keys, nativeCookie, nativeMemory, settled, type Turn, Visitor, warnings } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import { createApp, koaMajors, type Loose } from '../support/subjects.ts'

const count = (t: Turn) => {
  t.session.n = (t.session.n ?? 0) + 1
  return String(t.session.n)
}

/** The package once more, as a second version in the tree would be. */
async function otherCopy(): Promise<typeof import('holdfast')> {
  vi.resetModules()
  return import('holdfast')
}

describe.each(koaMajors)('two copies of the package on Koa %i', koa => {
  it('a manager of the other copy is a manager, and no options: the cookie is sealed under its own name', async () => {
    const other = await otherCopy()
    const app = createApp(koa)
    app.keys = keys
    const sessions = other.createSessions({ keys })
    app.use(session(sessions as Loose, app))
    app.use((ctx: Loose) => {
      ctx.session.secret = 'not to be read'
      ctx.body = 'written'
    })
    const visitor = new Visitor(portOf(await serve(app)))
    expect(await visitor.get('/')).toMatchObject({ status: 200, body: 'written' })
    expect([...visitor.cookies.keys()]).toEqual([sessions.transport.cookieName])
    const value = String([...visitor.cookies.values()][0])
    expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain('secret')
    expect((await sessions.load({ headers: { cookie: visitor.header() } })) as Loose).toEqual({ secret: 'not to be read' })
  })

  it("the functions of the other copy take this one's session", async () => {
    const other = await otherCopy()
    const app = createApp(koa)
    app.keys = keys
    app.use(session({ store: new MemoryStore() }, app))
    app.use(async (ctx: Loose) => {
      await other.update(ctx.session, (draft: Loose) => {
        draft.n = 1
      })
      ctx.body = `${ctx.session.n} ${other.idOf(ctx.session) === ctx.session.externalKey} ${other.isNew(ctx.session)}`
    })
    const visitor = new Visitor(portOf(await serve(app)))
    expect((await visitor.get('/')).body).toBe('1 true true')
  })
})

table([nativeMemory], open => {
  it('the middleware has what its type promises: the manager’s own methods', async () => {
    const { middleware, visitor, sessions } = await open({ routes: { '/in': t => t.session.login('ann').then(() => 'in') } })
    await visitor().get('/in')
    expect(await middleware.list('ann')).toEqual(await sessions.list('ann'))
    expect(await middleware.beginLogin('ann')).toEqual({ ticket: expect.any(String) })
    expect(await middleware.revokeAll('ann')).toBe(1)
    expect(await middleware.list('ann')).toEqual([])
  })
})

table([nativeMemory, nativeCookie], open => {
  const site = (prepare?: (app: Loose) => void) =>
    open({ routes: { '/count': count, '/look': () => 'looked' }, ...(prepare && { prepare }) })
  const told = (seen: { code: string }[]) => seen.filter(({ code }) => code === 'HOLDFAST_INSECURE')

  it('a Secure cookie that is set over plain http is reported once', async () => {
    const seen = warnings()
    const { visitor } = await site()
    for (const path of ['/look', '/count', '/count']) await visitor().get(path, { headers: { host: 'shop.example' } })
    await settled()
    expect(told(seen)).toEqual([expect.objectContaining({ message: expect.stringContaining('https') })])
  })

  it('nothing is reported where no cookie is set, on this very machine, and behind a proxy that says https', async () => {
    const seen = warnings()
    const plain = await site()
    await plain.visitor().get('/look', { headers: { host: 'shop.example' } })
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000']) await plain.visitor().get('/count', { headers: { host } })
    const proxied = await site(app => {
      app.proxy = true
    })
    await proxied.visitor().get('/count', { headers: { host: 'shop.example', 'x-forwarded-proto': 'https' } })
    await settled()
    expect(told(seen)).toEqual([])
  })
})

table([nativeMemory], open => {
  it("a transport's header names may be spelled in any case, in Koa and in load()", async () => {
    const transport = {
      read: (header: (name: string) => string | undefined) => header('X-Session'),
      write: (headers: Loose, token: string) => headers.set('X-Session', token),
      clear: (headers: Loose) => headers.set('X-Session', ''),
    }
    const site = await open({
      native: { transport },
      options: { skip: (ctx: Loose) => ctx.path === '/load' },
      routes: {
        '/count': count,
        '/load': async t => JSON.stringify([await site.sessions.load(t.req), await site.middleware.load(t.req)]),
      },
    })
    const visitor = site.visitor()
    const token = String((await visitor.get('/count')).headers['x-session'])
    expect((await visitor.get('/count', { headers: { 'x-session': token } })).body).toBe('2')
    expect((await visitor.get('/load', { headers: { 'X-SESSION': token } })).body).toBe('[{"n":2},{"n":2}]')
  })
})

table([nativeMemory, dropInCookie], (open, mode) => {
  it('a property that is no free name is refused', async () => {
    const { app, sessions } = await open({ routes: {} })
    for (const property of ['', 'cookies', ...(mode.native ? [5, null, {}] : [])] as Loose[]) {
      expect(() => (mode.native ? session(sessions, app, { property }) : session({ property }, app))).toThrow(TypeError)
    }
  })
})
