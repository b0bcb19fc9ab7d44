import { describe, expect, it } from 'vitest'
import { type Conversation, day, type Env, type Handler, keys, plant, play } from '../support/conversation.ts'
import { type Ctx, holdfast, koaMajors, type Loose, peer, type Subject } from '../support/subjects.ts'

// One jar and one store; the library changes between two requests, and back. Nobody is logged out, and the whole trace is
// the one of koa-session alone.

const login: Handler = ctx => {
  ctx.session.user = 'ann'
  ctx.session.views = 0
  return { isNew: ctx.session.isNew }
}

const look: Handler = ctx => {
  ctx.session.views++
  return { user: ctx.session.user, views: ctx.session.views, isNew: ctx.session.isNew }
}

const logout: Handler = ctx => {
  ctx.session = null
  return 'out'
}

const who: Handler = ctx => ({ user: ctx.session.user ?? 'nobody', isNew: ctx.session.isNew })

const shorten: Handler = ctx => {
  ctx.session.maxAge = 30_000
  return 'shortened'
}

const renew: Handler = async ctx => {
  await ctx.session.regenerate()
  return ctx.session
}

const routes = { '/login': login, '/look': look, '/who': who, '/shorten': shorten, '/renew': renew, '/logout': logout }

const requests = [
  ...['/who', '/login', '/look', '/who', '/look', '/renew', '/look', '/who', '/shorten', '/look', '/who'],
  { to: '/look', after: 29_000 },
  { to: '/who', after: 1_000 },
  ...['/logout', '/who', '/login', '/look', '/look'],
]

const kinds: Record<string, Loose> = {
  'no options': {},
  'maxAge of a day': { maxAge: day },
  'the older key': { key: 'koa:sess', maxAge: day },
  unsigned: { signed: false },
  'the older key, unsigned': { key: 'koa:sess', signed: false },
  rolling: { maxAge: 60_000, rolling: true },
  renew: { maxAge: 60_000, renew: true },
  'no overwrite, lax': { overwrite: false, sameSite: 'lax' },
}

const conversations: Conversation[] = [
  ...Object.entries(kinds).flatMap(([name, options]): Conversation[] => [
    { name: `${name}, in cookie mode`, options: () => ({ ...options }), routes, requests },
    {
      name: `${name}, with a store`,
      options: env => ({ ...options, store: env.store, genid: env.genid }),
      routes,
      // Where rolling is on, the peer writes twice after regenerate; commit.test.ts has that difference.
      requests: options.rolling ? requests.filter(request => request !== '/renew') : requests,
    },
  ]),
  { name: "maxAge 'session', in cookie mode", options: () => ({ maxAge: 'session' }), routes, requests },
  { name: 'default ids', randomIds: true, options: env => ({ store: env.store }), routes, requests },
  { name: 'default ids with a prefix', randomIds: true, options: env => ({ store: env.store, prefix: 'shop:' }), routes, requests },
  { name: 'own encode and decode', options: () => ({ encode: toHex, decode: fromHex }), routes, requests },
  {
    name: 'ids in a header',
    options: (env: Env) => ({
      store: env.store,
      genid: env.genid,
      externalKey: {
        get: (ctx: Ctx) => env.memory.get('id') ?? ctx.get('x-session'),
        set: (_: Ctx, id: string) => void env.memory.set('id', id),
      },
    }),
    routes,
    requests: ['/who', '/login', '/look', '/look', '/who', '/look', '/who'],
  },
  {
    name: 'a key that is rotated on the way',
    routes,
    requests: [
      '/login',
      '/look',
      { to: '/look', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: keys[1] ?? '' }) },
      '/who',
      '/look',
    ],
  },
  {
    name: 'two visitors',
    options: env => ({ store: env.store, genid: env.genid }),
    routes,
    requests: ['/login', '/look', '/look'].flatMap(to => [to, { to, as: 'second' }, { to: '/who', as: 'third' }]),
  },
]

function toHex(data: unknown): string {
  return Buffer.from(JSON.stringify(data)).toString('hex')
}

function fromHex(text: string): Loose {
  return JSON.parse(Buffer.from(text, 'hex').toString())
}

const schedules: Record<string, Subject[]> = {
  'koa-session and Holdfast in turn': [peer, holdfast],
  'Holdfast and koa-session in turn': [holdfast, peer],
  'three on koa-session, three on Holdfast': [peer, peer, peer, holdfast, holdfast, holdfast],
  'five on Holdfast, two on koa-session': [holdfast, holdfast, holdfast, holdfast, holdfast, peer, peer],
}

for (const koa of koaMajors) {
  for (const conversation of conversations) {
    describe(`a swap in mid-conversation on Koa ${koa}: ${conversation.name}`, () => {
      const alone = once(() => play(conversation, koa, peer))

      it.each(Object.entries(schedules))(
        '%s: the visitor stays logged in, and the trace is that of koa-session alone',
        async (_, subjects) => {
          const trace = await play(conversation, koa, ...subjects)
          const looks = trace.exchanges.filter(exchange => exchange.request === 'GET /look')
          expect(looks.length).toBeGreaterThan(1)
          for (const { body } of looks) expect(JSON.parse(body)).toMatchObject({ user: 'ann', isNew: false })
          expect(trace).toStrictEqual(await alone())
        },
      )
    })
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
