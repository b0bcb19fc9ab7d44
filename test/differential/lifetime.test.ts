import { expect } from 'vitest'
import { day, type Env, encoded, type Handler, plant, start } from '../support/conversation.ts'
import { compare, inBothModes, type Script } from '../support/differential.ts'
import type { Jar } from '../support/jar.ts'

const put: Handler = ctx => {
  ctx.session.user ??= 'ann'
  return { maxAge: String(ctx.session.maxAge), isNew: ctx.session.isNew }
}

const change: Handler = ctx => {
  ctx.session.changes = (ctx.session.changes ?? 0) + 1
  return 'changed'
}

const read: Handler = ctx => ({ session: ctx.session, maxAge: String(ctx.session.maxAge), isNew: ctx.session.isNew })

const setTo =
  (maxAge: unknown): Handler =>
  ctx => {
    ctx.session.user ??= 'ann'
    ctx.session.maxAge = maxAge
    return String(ctx.session.maxAge)
  }

const routes = { '/put': put, '/change': change, '/read': read, '/untouched': () => 'ok' }

const keepExpired = (_: Env, jar: Jar) => {
  jar.keepsExpired = true
}

const both = (script: Omit<Script, 'routes'> & Partial<Pick<Script, 'routes'>>) => inBothModes({ routes, ...script })

compare('how long a session lives', [
  ...both({
    name: 'maxAge unset: no expires at first, one day in the data, restored on the next request',
    requests: ['/put', '/read', '/change', '/read', { to: '/read', after: day - 1 }, { to: '/read', after: 2, first: keepExpired }],
  }),
  ...both({
    name: 'maxAge in milliseconds',
    options: { maxAge: 60_000 },
    requests: ['/put', '/read', { to: '/change', after: 30_000 }, { to: '/read', after: 59_999 }, { to: '/read', after: 2 }],
  }),
  ...both({
    name: 'an expired session that a visitor keeps on sending',
    options: { maxAge: 60_000 },
    requests: [
      { to: '/put', first: keepExpired },
      { to: '/read', after: 60_000 },
      { to: '/read', after: 1 },
      { to: '/put', after: 1 },
      '/read',
    ],
  }),
  ...both({
    name: 'maxAge of ten years',
    options: { maxAge: 3_650 * day },
    requests: ['/put', { to: '/read', after: 3_649 * day }],
  }),
  ...both({
    name: 'maxAge of zero means one day without expires',
    options: { maxAge: 0 },
    requests: ['/put', '/read', '/change', '/read'],
  }),
  ...both({
    name: 'a negative maxAge',
    options: { maxAge: -1_000 },
    requests: [{ to: '/put', first: keepExpired }, '/read', '/change'],
  }),
  ...both({ name: 'a maxAge with a fraction', options: { maxAge: 1_500.5 }, requests: ['/put', '/read', '/change'] }),
  {
    name: "maxAge 'session' in cookie mode: _session in the data, no expires, no end",
    options: () => ({ maxAge: 'session' }),
    routes,
    requests: ['/put', '/read', { to: '/change', after: 800 * day }, '/read'],
  },
  {
    name: 'data of a session that lives until the browser closes, under an option of today that is a number',
    options: () => ({ maxAge: 1_000, renew: true }),
    routes,
    requests: [
      { to: '/read', first: (_, jar) => plant(jar, encoded({ user: 'ann', _session: true })) },
      '/change',
      { to: '/read', after: day },
    ],
  },
  {
    name: "maxAge 'session', saved by hand and once more by the automatic commit",
    options: () => ({ maxAge: 'session' }),
    routes: {
      '/': async ctx => {
        ctx.session.user = 'ann'
        await ctx.session.save()
        return 'ok'
      },
    },
    requests: ['/'],
    differs: {
      because: 'explicit save plus auto-commit is one write (promise 18); the second write of the peer forgets the session’s life',
      peer: [{ setCookie: [expect.stringContaining(encoded({ user: 'ann', _expire: start + day, _maxAge: day })), expect.anything()] }],
      holdfast: [{ setCookie: [expect.stringContaining(encoded({ user: 'ann', _session: true })), expect.anything()] }],
    },
  },
  {
    name: "maxAge 'session' with a store",
    options: env => ({ maxAge: 'session', store: env.store, genid: env.genid }),
    routes,
    requests: ['/put', '/read'],
    differs: {
      because: 'a store is given a number to count with',
      peer: [
        {
          did: ['store.set'],
          journal: [{ args: ['id-1', { user: 'ann', _session: true }, 'session', { changed: true, rolling: false, ctx: '<ctx>' }] }],
        },
        { did: ['store.get'], journal: [{ args: ['id-1', 'session', { rolling: false, ctx: '<ctx>' }] }] },
      ],
      holdfast: [
        {
          did: ['store.set'],
          journal: [
            { args: ['id-1', { user: 'ann', _session: true }, expect.any(Number), { changed: true, rolling: false, ctx: '<ctx>' }] },
          ],
          setCookie: [expect.stringMatching(/^koa\.sess=id-1; path=\/; httponly$/), expect.stringMatching(/^koa\.sess\.sig=/)],
        },
        { did: ['store.get'], journal: [{ args: ['id-1', expect.any(Number), { rolling: false, ctx: '<ctx>' }] }] },
      ],
    },
  },
  ...both({
    name: 'rolling re-issues on every request that reads, and on every request at all with a store',
    options: { maxAge: 60_000, rolling: true },
    requests: ['/read', '/put', { to: '/read', after: 10 }, { to: '/untouched', after: 10 }, { to: '/change', after: 10 }],
  }),
  ...both({
    name: 'rolling without maxAge',
    options: { rolling: true },
    requests: ['/put', { to: '/read', after: 10 }, { to: '/read', after: 10 }],
  }),
  ...both({
    name: 'renew re-issues after half of maxAge, not before and not at the half itself',
    options: { maxAge: 60_000, renew: true },
    requests: [
      '/put',
      { to: '/read', after: 29_999 },
      { to: '/read', after: 1 },
      { to: '/read', after: 1 },
      { to: '/read', after: 100 },
      { to: '/untouched', after: 40_000 },
      '/read',
    ],
  }),
  ...both({
    name: 'renew without maxAge goes by one day',
    options: { renew: true },
    requests: ['/put', { to: '/read', after: day / 2 }, { to: '/read', after: 1 }, '/read'],
  }),
  ...both({
    name: 'setting ctx.session.maxAge saves, also without another change',
    options: { maxAge: 60_000 },
    routes: { ...routes, '/short': setTo(5_000), '/long': setTo(120_000) },
    requests: ['/put', '/short', '/read', '/change', { to: '/long', after: 4_000 }, { to: '/read', after: 100_000 }, '/change'],
  }),
  ...both({
    name: 'setting ctx.session.maxAge to what it was saves as well',
    options: { maxAge: 60_000 },
    routes: { ...routes, '/same': setTo(60_000) },
    requests: ['/put', { to: '/same', after: 100 }, '/read'],
  }),
  ...both({
    name: 'setting maxAge on an empty new session saves it',
    routes: {
      ...routes,
      '/set': ctx => {
        ctx.session.maxAge = 5_000
        return ctx.session.length
      },
    },
    requests: ['/set', '/read', { to: '/read', after: 5_001 }],
  }),
  ...both({
    name: 'setting maxAge to zero, undefined and null',
    options: { maxAge: 60_000 },
    routes: { ...routes, '/zero': setTo(0), '/undefined': setTo(undefined), '/null': setTo(null) },
    requests: ['/put', '/zero', '/read', '/undefined', '/read', '/null', '/read'],
  }),
  {
    name: "setting maxAge to 'session' and back, in cookie mode",
    options: () => ({ maxAge: 60_000 }),
    routes: { ...routes, '/session': setTo('session'), '/back': setTo(60_000) },
    requests: ['/put', '/session', '/read', '/change', { to: '/read', after: day }, '/back', '/read', { to: '/read', after: 60_001 }],
  },
  ...both({
    name: 'the life that was stored counts, not the option of today',
    options: { maxAge: 1_000 },
    requests: [
      {
        to: '/read',
        first: (env, jar) => {
          const data = { user: 'ann', _expire: start + 60_000, _maxAge: 60_000 }
          env.store.records.set('old', data)
          plant(jar, env.options.store ? 'old' : encoded(data))
        },
      },
      '/change',
      { to: '/read', after: 50_000 },
      { to: '/read', after: 10_001 },
    ],
  }),
  ...both({
    name: 'data without _expire and _maxAge, and with ones that are no numbers',
    options: { maxAge: 1_000 },
    requests: [{ user: 'ann' }, { user: 'ann', _expire: '1', _maxAge: 5_000 }, { user: 'ann', _expire: true }].flatMap(data => [
      {
        to: '/read',
        first: (env: Env, jar: Jar) => {
          env.store.records.set('old', data)
          plant(jar, env.options.store ? 'old' : encoded(data))
        },
      },
      '/change',
    ]),
  }),
])
