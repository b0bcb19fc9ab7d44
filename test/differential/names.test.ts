import { expect } from 'vitest'
import { type Conversation, type Env, encoded, type Handler, plant, start } from '../support/conversation.ts'
import { compare, inStore } from '../support/differential.ts'
import type { Jar } from '../support/jar.ts'
import type { Loose } from '../support/subjects.ts'

// Keys of a user's data that look like something of the library, of Koa, or of the language.

const ordinary = [
  ...['id', 'user', 'login', 'logout', 'update', 'destroy', 'touch', 'reload', 'rotate', 'signal', 'cookie', 'key', 'data', 'version'],
  ...['ctx', 'session', 'req', 'record', 'meta', 'state', 'opts', 'store', 'base', 'then', 'hasOwnProperty', 'valueOf', 'toString'],
]

const read: Handler = ctx => ctx.session.toJSON()

function assigned(key: string): Conversation {
  return {
    name: `a handler keeps data under ${key}`,
    routes: {
      '/put': ctx => {
        ctx.session[key] = { value: `of ${key}` }
        return { read: ctx.session[key], length: ctx.session.length }
      },
      '/read': ctx => ({ value: ctx.session[key], length: ctx.session.length, isNew: ctx.session.isNew, all: ctx.session.toJSON() }),
      '/delete': ctx => {
        delete ctx.session[key]
        return ctx.session.toJSON()
      },
    },
    requests: ['/put', '/read', '/delete', '/read'],
  }
}

/** A record that holds `key` already, read and then saved again with another change. */
function stored(key: string, value: unknown): Conversation[] {
  const script: Omit<Conversation, 'options'> = {
    name: `stored data has ${key}: ${JSON.stringify(value)}`,
    routes: {
      '/state': ctx => {
        const { session } = ctx
        const { isNew, length, populated, maxAge = 'unset', externalKey = 'unset' } = session
        return {
          isNew,
          length,
          populated,
          maxAge,
          externalKey,
          json: session.toJSON(),
          value: String(session[key]),
          type: typeof session[key],
        }
      },
      '/change': ctx => {
        ctx.session.changed = true
        return 'ok'
      },
    },
    requests: [
      {
        to: '/state',
        first: (env: Env, jar: Jar) => {
          const data = { user: 'ann', _expire: start + 60_000, _maxAge: 60_000, [key]: value }
          env.store.records.set('known', data)
          plant(jar, env.options?.store ? 'known' : encoded(data))
        },
      },
      '/change',
      '/state',
    ],
  }
  return [
    { ...script, name: `${script.name}, in the cookie` },
    { ...script, name: `${script.name}, in a store`, options: inStore },
  ]
}

compare('keys that look like something else', [
  ...ordinary.map(assigned),
  ...['save', 'regenerate', 'manuallyCommit', 'inspect'].map(assigned),
  ...['constructor', 'prototype'].map(assigned),
  ...['length', 'populated', 'externalKey', 'isNew', 'maxAge'].map(key => ({
    name: `a handler writes to ${key}, which is the library’s own`,
    routes: {
      '/put': (ctx: Loose) => {
        ctx.session.user = 'ann'
        try {
          ctx.session[key] = 5
          return String(ctx.session[key])
        } catch (error) {
          return (error as Error).constructor.name
        }
      },
      '/read': read,
    },
    requests: ['/put', '/read'],
  })),
  ...stored('id', 'of the user'),
  ...stored('save', 'a text'),
  ...stored('regenerate', { a: 1 }),
  ...stored('manuallyCommit', 'a text'),
  ...stored('update', 'a text'),
  ...stored('login', 'a text'),
  ...stored('user', 'bob'),
  ...stored('constructor', 'a text'),
  ...stored('hasOwnProperty', 'a text'),
  ...stored('length', 7),
  ...stored('populated', false),
  ...stored('externalKey', 'stolen'),
  ...stored('_maxAge', 5_000),
  ...stored('_expire', start + 5_000),
  ...stored('isNew', true),
  ...stored('maxAge', 5_000),
  ...stored('_requireSave', true),
  {
    name: 'a handler that reads _expire',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      '/put': ctx => {
        ctx.session.user = 'ann'
        return String(ctx.session._expire)
      },
      '/read': ctx => String(ctx.session._expire),
    },
    requests: ['/put', '/read'],
  },
  {
    name: 'a handler that writes _expire, _maxAge and _session: not data',
    options: () => ({ maxAge: 1_000 }),
    routes: {
      '/put': ctx => {
        Object.assign(ctx.session, { user: 'ann', _expire: 1, _maxAge: 2, _session: true })
        return { length: ctx.session.length, json: ctx.session.toJSON() }
      },
      '/read': read,
    },
    requests: ['/put', '/read'],
  },
  {
    name: 'keys that begin with an underscore',
    options: inStore,
    routes: {
      '/put': ctx => {
        Object.assign(ctx.session, { user: 'ann', _csrf: 'token', _: 1 })
        return ctx.session
      },
      '/read': read,
    },
    requests: ['/put', '/read'],
    differs: {
      because: 'they are data like any other',
      peer: [{ body: '{"user":"ann"}' }, { body: '{"user":"ann"}' }],
      holdfast: [
        {
          body: '{"user":"ann","_csrf":"token","_":1}',
          journal: [{ args: ['id-1', { user: 'ann', _csrf: 'token', _: 1 }, expect.anything(), expect.anything()] }],
        },
        { body: '{"user":"ann","_csrf":"token","_":1}' },
      ],
    },
  },
  {
    name: 'a cookie whose data has __proto__',
    routes: {
      '/read': ctx => ({
        admin: ctx.session.admin ?? 'no',
        user: ctx.session.user,
        save: typeof ctx.session.save,
        others: String(({} as Loose).admin),
      }),
    },
    requests: [
      {
        to: '/read',
        first: (_, jar) => plant(jar, Buffer.from('{"user":"ann","__proto__":{"admin":true}}').toString('base64')),
      },
    ],
    differs: {
      because: 'prototype keys are inert (promise 26)',
      peer: [{ status: 500 }],
      holdfast: [{ status: 200, body: '{"admin":"no","user":"ann","save":"function","others":"undefined"}' }],
    },
  },
])
