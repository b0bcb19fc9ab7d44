import { expect } from 'vitest'
import type { Env, Handler } from '../support/conversation.ts'
import { compare, inBothModes } from '../support/differential.ts'
import type { Ctx } from '../support/subjects.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return 'put'
}

const change: Handler = ctx => {
  ctx.session.changes = (ctx.session.changes ?? 0) + 1
  return 'changed'
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session?.isNew })

const routes = { '/put': put, '/change': change, '/read': read }

const sent = (ctx: Ctx) => [ctx.response.get('Set-Cookie')].flat().map(String)

compare('autoCommit: false', [
  ...inBothModes({
    name: 'nothing is written without a commit by hand',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/out': ctx => {
        ctx.session = null
        return 'out'
      },
    },
    requests: ['/put', '/read', '/out'],
  }),
  ...inBothModes({
    name: 'manuallyCommit writes what changed, and its promise waits for the store',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/commit': async (ctx, env) => {
        ctx.session.user = 'ann'
        const result = ctx.session.manuallyCommit()
        env.note('called', result)
        env.note('settled', await result)
        return sent(ctx)
      },
      '/nothing': async ctx => {
        const { user } = ctx.session
        await ctx.session.manuallyCommit()
        return String(user)
      },
    },
    requests: ['/nothing', '/commit', '/read', '/nothing', '/commit'],
  }),
  ...inBothModes({
    name: 'save writes without a change, also an empty new session',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/save': async (ctx, env) => {
        const result = ctx.session.save()
        env.note('called', result)
        env.note('settled', await result)
        return sent(ctx)
      },
    },
    requests: ['/save', '/read', '/save'],
  }),
  ...inBothModes({
    name: 'a change after the commit needs another one',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/commit': async ctx => {
        ctx.session.first = 1
        await ctx.session.manuallyCommit()
        ctx.session.second = 2
        return 'ok'
      },
      '/both': async ctx => {
        ctx.session.first = 1
        await ctx.session.manuallyCommit()
        ctx.session.second = 2
        await ctx.session.manuallyCommit()
        return sent(ctx)
      },
    },
    requests: ['/commit', '/read', '/both', '/read'],
  }),
  ...inBothModes({
    name: 'a session kept in a variable commits a logout',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/in': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.manuallyCommit()
        return 'in'
      },
      '/out': async ctx => {
        const { session } = ctx
        ctx.session = null
        await session.manuallyCommit()
        return sent(ctx)
      },
    },
    requests: ['/in', '/read', '/out', '/read'],
  }),
  ...inBothModes({
    name: 'autoCommit switched off and on again on the options object',
    routes,
    requests: [
      {
        to: '/put',
        first: env => {
          env.options.autoCommit = false
        },
      },
      '/read',
      {
        to: '/put',
        first: env => {
          env.options.autoCommit = true
        },
      },
      '/read',
    ],
  }),
])

compare('save', [
  ...inBothModes({
    name: 'save with a callback gives nothing and calls back when it is done',
    options: { autoCommit: false },
    routes: {
      ...routes,
      '/save': async (ctx, env) => {
        ctx.session.user = 'ann'
        const done = new Promise<void>((resolve, reject) => {
          const result = ctx.session.save((error?: Error) => {
            env.note('callback', error)
            error ? reject(error) : resolve()
          })
          env.note('called', result)
        })
        await done
        return sent(ctx)
      },
    },
    requests: ['/save', '/read', '/save'],
  }),
  ...inBothModes({
    name: 'a save in the middle and a change after it are two writes',
    routes: {
      ...routes,
      '/save': async ctx => {
        ctx.session.first = 1
        await ctx.session.save()
        ctx.session.second = 2
        return sent(ctx)
      },
    },
    requests: ['/save', '/read'],
  }),
  ...inBothModes({
    name: '_requireSave set by the app saves without a change',
    routes: {
      ...routes,
      '/force': ctx => {
        ctx.session._requireSave = true
        return 'ok'
      },
    },
    requests: ['/put', { to: '/force', after: 10 }, '/read'],
  }),
  ...inBothModes({
    name: 'an explicit save and the automatic commit',
    routes: {
      ...routes,
      '/save': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.save()
        return 'ok'
      },
    },
    requests: ['/save', '/read'],
  }).map((script, index) => ({
    ...script,
    options: (env: Env) => ({ ...script.options?.(env), overwrite: false }),
    differs: {
      because: 'explicit save plus auto-commit is one write (promise 18)',
      peer: [{ setCookie: Array(4).fill(expect.any(String)), did: index ? ['store.set', 'store.set'] : [] }, {}],
      holdfast: [{ setCookie: Array(2).fill(expect.any(String)), did: index ? ['store.set'] : [] }, {}],
    },
  })),
  {
    name: 'a save whose store fails, with a promise and with a callback',
    options: env => ({ autoCommit: false, store: env.store, genid: env.genid }),
    routes: {
      ...routes,
      '/promise': async ctx => {
        ctx.session.user = 'ann'
        return ctx.session.save().then(
          () => 'saved',
          (error: Error) => `failed: ${(error.cause as Error | undefined)?.message ?? error.message}`,
        )
      },
      '/callback': ctx => {
        ctx.session.user = 'ann'
        return new Promise(resolve => {
          ctx.session.save((error?: Error) =>
            resolve(error ? `failed: ${(error.cause as Error | undefined)?.message ?? error.message}` : 'saved'),
          )
        })
      },
    },
    requests: [
      {
        to: '/promise',
        first: env => {
          env.store.fails.set = new Error('the store is down')
        },
      },
      '/callback',
    ],
  },
])
