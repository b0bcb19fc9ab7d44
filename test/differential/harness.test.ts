import { describe, expect, it } from 'vitest'
import { type Conversation, day, play } from '../support/conversation.ts'
import { type Ctx, type Loose, type Next, peer, type SessionFunction, type Subject } from '../support/subjects.ts'

// A harness that cannot see a difference proves nothing. Each subject here is koa-session with one thing wrong.

const conversation: Conversation = {
  name: 'a visitor logs in, looks around, meets an expired record, logs out',
  options: env => ({ store: env.store, genid: env.genid, maxAge: day, valid: env.spy('valid', () => true) }),
  routes: {
    '/in': ctx => {
      ctx.session.user = 'ann'
      ctx.session.seen = 1
      return 'in'
    },
    '/look': ctx => ctx.session,
    '/out': ctx => {
      ctx.session = null
      return 'out'
    },
  },
  requests: ['/in', '/look', { to: '/look', after: 1_000 }, { to: '/look', first: env => expireAll(env.store.records) }, '/in', '/out'],
}

function expireAll(records: Map<string, Loose>): void {
  for (const record of records.values()) record._expire = 1
}

type Sabotage = (options: Loose, app: Loose) => ((ctx: Ctx, next: Next) => unknown) | undefined

function sabotaged(sabotage: Sabotage): Subject {
  const session: SessionFunction = (options, app) => {
    const own = { ...options }
    const extra = sabotage(own, app)
    const middleware = peer.session(own, app)
    return extra ? (ctx, next) => extra(ctx, () => middleware(ctx, next) as Promise<unknown>) : middleware
  }
  return { name: 'sabotaged', session }
}

const sabotages: Record<string, Sabotage> = {
  'a Set-Cookie too many': options => {
    options.rolling = true
    return undefined
  },
  'another order of Set-Cookie': () => async (ctx, next) => {
    await next()
    ctx.set('Set-Cookie', [...(ctx.response.get('Set-Cookie') || [])].reverse())
  },
  'a missing attribute': options => {
    options.httpOnly = false
    return undefined
  },
  'a lifetime that is one second longer': options => {
    options.maxAge += 1_000
    return undefined
  },
  'a store call that lacks an argument': options => {
    const { store } = options
    options.store = { get: (key: string) => store.get(key), set: store.set.bind(store), destroy: store.destroy.bind(store) }
    return undefined
  },
  'stored keys in another order': options => {
    const { store } = options
    const set = (key: string, data: object, ...rest: unknown[]) =>
      store.set(key, Object.fromEntries(Object.entries(data).reverse()), ...rest)
    options.store = { get: store.get.bind(store), set, destroy: store.destroy.bind(store) }
    return undefined
  },
  "another request's ctx in a store call": options => {
    const { store } = options
    const get = (key: string, maxAge: number, extra: object) =>
      store.get(key, maxAge, { ...extra, ctx: { req: 1, res: 1, originalUrl: '/' } })
    options.store = { get, set: store.set.bind(store), destroy: store.destroy.bind(store) }
    return undefined
  },
  'a record that is not destroyed': options => {
    const { store } = options
    options.store = { get: store.get.bind(store), set: store.set.bind(store), destroy: () => Promise.resolve() }
    return undefined
  },
  'an event that comes twice': (_, app) => {
    let repeating = false
    app.on('session:expired', (payload: Loose) => {
      if (repeating) return
      repeating = true
      app.emit('session:expired', payload)
    })
    return undefined
  },
  'a hook that is not called': options => {
    delete options.valid
    return undefined
  },
  'another status': () => async (ctx, next) => {
    await next()
    ctx.status = 201
  },
  'another body': () => async (ctx, next) => {
    await next()
    ctx.body = 'changed'
  },
  'an id that is never renewed': options => {
    options.genid = () => 'id-1'
    return undefined
  },
}

describe('the harness', () => {
  it('finds no difference between koa-session and koa-session', async () => {
    expect(
      await play(
        conversation,
        3,
        sabotaged(() => undefined),
      ),
    ).toStrictEqual(await play(conversation, 3, peer))
  })

  for (const [name, sabotage] of Object.entries(sabotages)) {
    it(`sees ${name}`, async () => {
      const theirs = await play(conversation, 3, peer)
      const ours = await play(conversation, 3, sabotaged(sabotage))
      expect(() => expect(ours).toStrictEqual(theirs)).toThrow()
    })
  }

  it('sees that the peer sets cookies, calls the store, the hook and the event in this very conversation', async () => {
    const { exchanges } = await play(conversation, 3, peer)
    expect(exchanges.map(exchange => exchange.did)).toEqual([
      ['store.set'],
      ['store.get', 'valid', 'valid gave'],
      ['store.get', 'valid', 'valid gave'],
      ['store.get', 'session:expired'],
      ['store.get', 'store.set', 'session:expired'],
      ['store.get', 'valid', 'valid gave', 'store.destroy'],
    ])
    expect(exchanges[0]?.setCookie).toHaveLength(2)
  })
})
