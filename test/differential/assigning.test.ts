import { expect } from 'vitest'
import type { Conversation, Handler } from '../support/conversation.ts'
import { compare, inBothModes, inStore } from '../support/differential.ts'
import type { Ctx } from '../support/subjects.ts'

const login: Handler = ctx => {
  ctx.session.user = 'ann'
  ctx.session.views = 1
  return 'in'
}

const show: Handler = ctx => ({ session: ctx.session, isNew: ctx.session?.isNew })

function assign(value: unknown): Handler {
  return (ctx: Ctx) => {
    ctx.session = value
    return { session: ctx.session, isNew: ctx.session?.isNew, length: ctx.session?.length }
  }
}

function refused(what: string, value: unknown): Conversation[] {
  return inBothModes({
    name: `ctx.session = ${what} is refused`,
    routes: { '/in': login, '/assign': assign(value), '/show': show },
    requests: ['/assign', '/in', '/assign', '/show'],
  })
}

compare('assigning to ctx.session', [
  ...inBothModes({
    name: 'null destroys the session; reads after it give null',
    routes: { '/in': login, '/out': assign(null), '/show': show },
    requests: ['/in', '/show', '/out', '/show', '/out', '/in', '/show'],
  }),
  ...inBothModes({
    name: 'null from a visitor who never had a session',
    routes: { '/out': assign(null), '/show': show },
    requests: ['/out', '/show'],
  }),
  ...inBothModes({
    name: 'null before anything was read',
    routes: {
      '/in': login,
      '/out': ctx => {
        ctx.session = null
        return 'out'
      },
      '/show': show,
    },
    requests: ['/in', '/out', '/show'],
  }),
  ...inBothModes({
    name: 'writing to the session after null is the handler’s own TypeError',
    routes: {
      '/in': login,
      '/out': ctx => {
        ctx.session = null
        try {
          ctx.session.user = 'bob'
        } catch (error) {
          return (error as Error).message
        }
      },
      '/show': show,
    },
    requests: ['/in', '/out', '/show'],
  }),
  ...inBothModes({
    name: 'an object replaces the data',
    routes: { '/in': login, '/assign': assign({ user: 'bob', cart: [1] }), '/show': show },
    requests: ['/in', '/assign', '/show', '/assign', '/show'],
  }),
  ...inBothModes({
    name: 'an object from a visitor who never had a session',
    routes: { '/assign': assign({ user: 'bob' }), '/show': show },
    requests: ['/assign', '/show'],
  }),
  ...inBothModes({
    name: 'an empty object, after a read, empties the session',
    routes: {
      '/in': login,
      '/assign': ctx => {
        const { user } = ctx.session
        ctx.session = {}
        return [user, ctx.session]
      },
      '/show': show,
    },
    requests: ['/in', '/assign', '/show', '/in', '/show'],
  }),
  {
    name: 'an empty object, without a read, with a store empties the session',
    options: inStore,
    routes: { '/in': login, '/assign': assign({}), '/show': show },
    requests: ['/in', '/assign', '/show', '/in', '/show'],
  },
  {
    name: 'an empty object, without a read, in cookie mode',
    routes: { '/in': login, '/assign': assign({}), '/show': show },
    requests: ['/in', '/assign', '/show'],
    differs: {
      because: 'what the app emptied is empty; the peer leaves the old cookie with the browser',
      peer: [{}, { setCookie: [] }, { body: '{"session":{"user":"ann","views":1},"isNew":false}' }],
      holdfast: [
        {},
        { setCookie: [expect.stringMatching(/^koa\.sess=./), expect.stringMatching(/^koa\.sess\.sig=/)] },
        { body: '{"session":{},"isNew":false}' },
      ],
    },
  },
  ...inBothModes({
    name: 'an empty object from a visitor who never had a session',
    routes: { '/assign': assign({}), '/show': show },
    requests: ['/assign', '/show'],
  }),
  ...inBothModes({
    name: 'the very data that was there already, without a read',
    routes: { '/in': login, '/assign': assign({ user: 'ann', views: 1 }), '/show': show },
    requests: ['/in', '/assign', '/show'],
  }),
  ...inBothModes({
    name: 'an object with maxAge goes through the setter',
    routes: { '/in': login, '/assign': assign({ user: 'bob', maxAge: 5_000 }), '/show': show },
    requests: ['/in', '/assign', '/show', { to: '/show', after: 4_999 }, { to: '/show', after: 2 }],
  }),
  {
    name: "an object with maxAge 'session' goes through the setter, in cookie mode",
    routes: { '/in': login, '/assign': assign({ user: 'bob', maxAge: 'session' }), '/show': show },
    requests: ['/in', '/assign', '/show'],
  },
  ...inBothModes({
    name: 'an array gives its indexes as keys',
    routes: { '/assign': assign(['a', 'b']), '/show': show },
    requests: ['/assign', '/show'],
  }),
  ...inBothModes({
    name: 'an instance of a class gives its fields',
    routes: {
      '/assign': ctx => {
        class User {
          name = 'ann'
          #secret = 1
          greet() {
            return this.#secret
          }
        }
        ctx.session = new User()
        return ctx.session
      },
      '/show': show,
    },
    requests: ['/assign', '/show'],
  }),
  ...inBothModes({
    name: 'the object that was assigned is not the session: later changes to it are lost, changes to the session count',
    routes: {
      '/assign': ctx => {
        const given = { a: 1 } as Record<string, unknown>
        ctx.session = given
        given.late = true
        ctx.session.b = 2
        return { same: ctx.session === given, given }
      },
      '/show': show,
    },
    requests: ['/assign', '/show'],
  }),
  ...inBothModes({
    name: 'a second object in one request: the last one counts',
    routes: {
      '/in': login,
      '/assign': ctx => {
        ctx.session = { first: 1 }
        ctx.session = { second: 2 }
        return ctx.session
      },
      '/show': show,
    },
    requests: ['/in', '/assign', '/show'],
  }),
  ...inBothModes({
    name: 'an object and then null: destroyed',
    routes: {
      '/in': login,
      '/assign': ctx => {
        ctx.session = { first: 1 }
        ctx.session = null
        return 'out'
      },
      '/show': show,
    },
    requests: ['/in', '/assign', '/show'],
  }),
  {
    name: 'null and then an object in cookie mode: the object counts',
    routes: {
      '/in': login,
      '/assign': ctx => {
        ctx.session = null
        ctx.session = { user: 'bob' }
        return { session: ctx.session, isNew: ctx.session.isNew }
      },
      '/show': show,
    },
    requests: ['/in', '/assign', '/show'],
  },
  {
    name: 'null and then an object with a store',
    options: inStore,
    routes: {
      '/in': login,
      '/assign': ctx => {
        ctx.session = null
        ctx.session = { user: 'bob' }
        return ctx.session
      },
      '/show': ctx => ctx.session,
    },
    requests: ['/in', '/assign', '/show'],
    differs: {
      because: 'the old id ends and a new one begins',
      peer: [
        { did: ['store.set'], body: 'in' },
        { did: ['store.get', 'store.set'], journal: [{}, { args: ['id-1', { user: 'bob' }, expect.anything(), expect.anything()] }] },
        { did: ['store.get'], body: '{"user":"bob"}' },
      ],
      holdfast: [
        { did: ['store.set'], body: 'in' },
        {
          did: ['store.get', 'store.destroy', 'store.set'],
          journal: [{}, { args: ['id-1', { ctx: '<ctx>' }] }, { args: ['id-2', { user: 'bob' }, expect.anything(), expect.anything()] }],
        },
        { did: ['store.get'], body: '{"user":"bob"}' },
      ],
    },
  },
  ...refused('a string', 'ann'),
  ...refused('a number', 1),
  ...refused('undefined', undefined),
  ...refused('true', true),
  ...refused('a function', () => ({})),
])
