import session from 'holdfast/koa'
import { describe, expect, it } from 'vitest'
import { dropInCookie, dropInMap, everyMode, nativeMemory, type Turn } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import { createApp, koaMajors, type Loose } from '../support/subjects.ts'

const count = (t: Turn) => {
  t.session.n = (t.session.n ?? 0) + 1
  return String(t.session.n)
}

table(everyMode, open => {
  it("whoever looks at the app's own context gets no session and changes none", async () => {
    const site = await open({ routes: { '/count': count } })
    for (const name of ['session', 'sessionOptions']) expect(site.app.context[name]).toBeUndefined()
    for (const value of [null, { n: 40 }]) {
      try {
        site.app.context.session = value
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }
    expect(site.app.context.session).toBeUndefined()
    const [ann, bob] = [site.visitor(), site.visitor()]
    const bodies = [await ann.get('/count'), await ann.get('/count'), await bob.get('/count')].map(answer => answer.body)
    expect(bodies).toEqual(['1', '2', '1'])
    expect(site.errors).toEqual([])
  })

  it('no session leads to what all sessions share, by the name of its class', async () => {
    const site = await open({
      routes: {
        '/deep': t => {
          const told: string[] = []
          for (const path of [['constructor', 'prototype'], ['constructor']]) {
            try {
              let target = t.session
              for (const name of path) target = target[name]
              target.admin = true
              told.push('written')
            } catch (error) {
              told.push((error as Error).name)
            }
          }
          return told.join(' ')
        },
        '/look': t => `${t.session.admin} ${t.session.constructor.admin}`,
      },
    })
    expect((await site.visitor().get('/deep')).body).toBe('TypeError TypeError')
    expect((await site.visitor().get('/look')).body).toBe('undefined undefined')
  })
})

table([dropInCookie, dropInMap, nativeMemory], open => {
  it("a look at the app's own context gives skipped requests no common session", async () => {
    const site = await open({ options: { skip: () => true }, routes: { '/count': count } })
    void site.app.context.session
    const bodies = [await site.visitor().get('/count'), await site.visitor().get('/count')].map(answer => answer.body)
    expect(bodies).toEqual(['1', '1'])
  })
})

describe.each(koaMajors)('options on Koa %i', koa => {
  const make = (options: Loose) => {
    const app = createApp(koa)
    app.keys = ['a secret']
    return session(options, app)
  }

  it.each(['', 'cookies', 'body', 'throw', 'req', 'state', 'originalUrl', 'respond', 'toString', 'constructor', '__proto__'])(
    "property: '%s' is refused, since Koa's own would break",
    property => {
      expect(() => make({ property })).toThrow(TypeError)
      expect(() => make({ property })).toThrow('property')
    },
  )

  it('a property that Koa does not know is taken', () => {
    expect(() => make({ property: 'visit' })).not.toThrow()
  })

  it.each([null, false, undefined, 0])('ContextStore: %s is none', ContextStore => {
    expect(() => make({ ContextStore })).not.toThrow()
  })
})

table([dropInMap], open => {
  const skip = (ctx: Loose) => ctx.path === '/load'

  it('load() asks the store once and nobody for an id, whether there is a session or not', async () => {
    let made = 0
    const genid = () => `id-${++made}`
    const site = await open({
      options: { genid, skip },
      routes: { '/count': count, '/load': async t => JSON.stringify(await site.middleware.load(t.req)) },
    })
    const visitor = site.visitor()
    expect((await visitor.get('/load')).body).toBe('null')
    expect(site.store.did()).toEqual([])

    await visitor.get('/count')
    expect(made).toBe(1)
    site.store.did()
    expect((await visitor.get('/load')).body).toBe('{"n":1}')
    expect(site.store.did()).toEqual(['get'])

    // A cookie of which the store knows nothing.
    site.store.target.records.clear()
    expect((await visitor.get('/load')).body).toBe('null')
    expect(site.store.did()).toEqual(['get'])
    expect(made).toBe(1)
  })

  it('load() verifies the cookie once', async () => {
    let verified = 0
    const keys = {
      sign: (text: string) => Buffer.from(text).toString('hex'),
      verify: (text: string, signature: string) => keys.sign(text) === signature,
      index: (text: string, signature: string) => {
        verified++
        return keys.verify(text, signature) ? 0 : -1
      },
    }
    const site = await open({
      keys,
      options: { skip },
      routes: { '/count': count, '/load': async t => JSON.stringify(await site.middleware.load(t.req)) },
    })
    const visitor = site.visitor()
    await visitor.get('/count')
    verified = 0
    expect((await visitor.get('/load')).body).toBe('{"n":1}')
    expect(verified).toBe(1)
  })
})
