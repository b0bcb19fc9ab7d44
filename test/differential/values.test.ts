import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { Conversation, Handler } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'
import type { Ctx } from '../support/subjects.ts'

const count: Handler = ctx => {
  ctx.session.views = (ctx.session.views ?? 0) + 1
  return `${ctx.session.views} views`
}

const show: Handler = ctx => ctx.session

const state = (ctx: Ctx) => ({
  isNew: ctx.session.isNew,
  length: ctx.session.length,
  populated: ctx.session.populated,
  maxAge: ctx.session.maxAge ?? 'unset',
  externalKey: ctx.session.externalKey ?? 'unset',
})

/** A conversation in which `put` fills the session, and the next requests show what came back. */
function kept(name: string, put: Handler): Conversation {
  return {
    name,
    routes: { '/put': put, '/show': show, '/state': state },
    requests: ['/put', '/show', '/state', '/put', '/show'],
  }
}

compare('what a handler keeps in the session', [
  { name: 'the view counter counts', routes: { '/': count }, requests: ['/', '/', '/'] },
  {
    name: 'two visitors count apart',
    routes: { '/': count },
    requests: ['/', { to: '/', as: 'second' }, '/', { to: '/', as: 'second' }],
  },
  {
    name: 'a request that does not touch the session sends no cookie',
    routes: { '/': () => 'ok', '/count': count },
    requests: ['/', '/count', '/'],
  },
  {
    name: 'a new session that is only read sends no cookie',
    routes: { '/': ctx => String(ctx.session.user), '/state': state },
    requests: ['/', '/state', '/'],
  },
  {
    name: 'reading an existing session sends no cookie',
    routes: { '/': count, '/read': ctx => String(ctx.session.views) },
    requests: ['/', '/read', '/read'],
  },
  {
    name: 'isNew, length, populated, maxAge and externalKey before and after the first save',
    routes: {
      '/state': state,
      '/put': ctx => {
        const before = state(ctx)
        ctx.session.a = 1
        ctx.session.b = 2
        return { before, after: state(ctx) }
      },
    },
    requests: ['/state', '/put', '/state', '/put'],
  },
  kept('strings, numbers, booleans, null, arrays and nested objects come back', ctx => {
    Object.assign(ctx.session, {
      text: 'a',
      number: 1.5,
      yes: true,
      no: false,
      nothing: null,
      list: [1, [2, { deep: 3 }]],
      nested: { a: { b: 1 } },
    })
    return 'ok'
  }),
  kept('unicode comes back, in keys and values', ctx => {
    ctx.session.grüße = 'žluťoučký kůň 🐎 \u0000 \u2028 "quoted"; = ,'
    return 'ok'
  }),
  kept('a Date comes back as its JSON', ctx => {
    ctx.session.at = new Date(0)
    return 'ok'
  }),
  kept('functions are left out, at the top and below it', ctx => {
    Object.assign(ctx.session, { act() {}, arrow: () => 1, nested: { act() {}, kept: 1 }, list: [() => 1, 2] })
    return 'ok'
  }),
  kept('undefined values are left out of what is written, NaN becomes null', ctx => {
    Object.assign(ctx.session, { a: undefined, b: 1, nested: { c: undefined }, list: [undefined], nan: Number.NaN, infinite: Infinity })
    return 'ok'
  }),
  kept('a session of nothing but undefined and functions', ctx => {
    Object.assign(ctx.session, { a: undefined, act() {} })
    return state(ctx)
  }),
  kept('numeric keys and symbols', ctx => {
    Object.assign(ctx.session, { b: 1, 10: 'ten', 2: 'two', [Symbol('hidden')]: 1 })
    return Object.keys(ctx.session.toJSON())
  }),
  kept('objects that serialise themselves', ctx => {
    Object.assign(ctx.session, { url: new URL('http://a.example/'), map: new Map([[1, 2]]), buffer: Buffer.from('ab') })
    return 'ok'
  }),
  {
    name: 'a nested change is saved',
    routes: {
      '/': ctx => {
        ctx.session.cart ??= { items: [] }
        ctx.session.cart.items.push(ctx.session.cart.items.length)
        return ctx.session.cart
      },
    },
    requests: ['/', '/', '/'],
  },
  {
    name: 'a change that is undone within the request is not saved',
    routes: {
      '/': count,
      '/undo': ctx => {
        const { views } = ctx.session
        ctx.session.views = 99
        ctx.session.views = views
        return 'ok'
      },
    },
    requests: ['/', '/undo', '/'],
  },
  {
    name: 'the same keys in another order count as a change',
    routes: {
      '/': ctx => {
        ctx.session = ctx.query.turned ? { b: 2, a: 1 } : { a: 1, b: 2 }
        return ctx.session
      },
    },
    requests: ['/', '/', '/?turned=1', '/?turned=1'],
  },
  {
    name: 'deleting one key saves, deleting all saves an empty session',
    routes: {
      '/put': ctx => Object.assign(ctx.session, { a: 1, b: 2 }),
      '/less': ctx => {
        delete ctx.session.a
        return state(ctx)
      },
      '/none': ctx => {
        for (const key of Object.keys(ctx.session.toJSON())) delete ctx.session[key]
        return state(ctx)
      },
      '/state': state,
    },
    requests: ['/put', '/less', '/none', '/state', '/none', '/put'],
  },
  {
    name: 'toJSON, JSON.stringify, inspect, `in`, for-in and hasOwn tell of the user keys',
    routes: {
      '/': ctx => {
        ctx.session.a ??= { b: 1 }
        const looped: string[] = []
        for (const key in ctx.session) looped.push(key)
        return {
          json: ctx.session.toJSON(),
          text: JSON.stringify(ctx.session),
          nested: JSON.stringify({ session: ctx.session }),
          inspected: inspect(ctx.session),
          deep: inspect({ session: ctx.session }, { depth: 5 }),
          a: 'a' in ctx.session,
          b: 'b' in ctx.session,
          own: Object.hasOwn(ctx.session, 'a'),
          looped: looped.includes('a'),
          save: typeof ctx.session.save,
        }
      },
    },
    requests: ['/', '/'],
  },
  {
    name: 'a copy by spread, changed and assigned back',
    routes: {
      '/': count,
      '/copy': ctx => {
        ctx.session = { ...ctx.session, copied: true }
        return ctx.session
      },
      '/show': show,
    },
    requests: ['/', '/copy', '/show', { to: '/copy', as: 'second' }, { to: '/show', as: 'second' }],
  },
  {
    name: 'ctx.session is one object for the whole request, and a session kept in a variable is the live one',
    routes: {
      '/': ctx => {
        const { session } = ctx
        session.a = 1
        return String(session === ctx.session)
      },
      '/show': show,
    },
    requests: ['/', '/show'],
  },
  refused('a bigint', 'Do not know how to serialize a BigInt', () => 1n),
  refused('a cycle', expect.stringContaining('circular structure'), () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    return loop
  }),
])

function refused(what: string, message: unknown, make: () => unknown): Conversation {
  const failed = { status: 500, body: 'Internal Server Error', setCookie: [], did: ['error'] }
  return {
    name: `what JSON cannot hold is an error and no cookie: ${what}`,
    routes: {
      '/': ctx => {
        ctx.session.odd = make()
        return 'ok'
      },
      '/show': show,
    },
    requests: ['/', '/show'],
    differs: {
      because: 'the error is typed and names the key (promise 26)',
      peer: [{ ...failed, journal: [{ args: [{ name: 'TypeError', message }, '<ctx>'] }] }, { body: '{}' }],
      holdfast: [
        {
          ...failed,
          journal: [{ args: [{ name: 'SessionDataError', message: expect.stringContaining('odd'), cause: message }, '<ctx>'] }],
        },
        { body: '{}' },
      ],
    },
  }
}
