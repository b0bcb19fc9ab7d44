import { describe, expect, it, vi } from 'vitest'
import { type Conversation, type Env, type Handler, keys, plant } from '../support/conversation.ts'
import { compare, inStore } from '../support/differential.ts'
import { listen } from '../support/http.ts'
import { type Ctx, createApp, holdfast, koaMajors, type Loose, type Next, peer, type Subject } from '../support/subjects.ts'

// Where Holdfast differs on purpose and no other file of this folder is the place: each test states both behaviours.

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew })

// The JSON of these two has one CRC32.
const before = { balance: 405_444_881 }
const after = { balance: 1_281_998_991 }

/** Writes down what of an event's payload a log would show. */
const listening = (env: Env) => {
  for (const event of ['session:missed', 'session:expired', 'session:invalid']) {
    env.app.on(event, (payload: Loose) => {
      env.note(`${event} shows`, Object.keys(payload).sort())
      env.note(`${event} tells`, payload.key, payload.value, payload.ctx)
    })
  }
}

function showing(
  because: string,
  peerShows: string[],
  holdfastShows: string[],
  script: Omit<Conversation, 'differs'>,
  event: string,
): Conversation {
  const shows = (names: string[]) => [
    ...script.requests.slice(1).map(() => ({})),
    { journal: expect.arrayContaining([{ what: `${event} shows`, args: [names] }]) },
  ]
  return { ...script, differs: { because, peer: shows(peerShows), holdfast: shows(holdfastShows) } }
}

const payload = 'a logged event shows no id and no data'

compare('differences on purpose', [
  {
    name: 'a change whose CRC32 is the one of what was loaded',
    options: inStore,
    routes: {
      '/before': ctx => Object.assign(ctx.session, before),
      '/after': ctx => Object.assign(ctx.session, after),
      '/read': ctx => ctx.session,
    },
    requests: ['/before', '/after', '/read'],
    differs: {
      because: 'no write is dropped',
      peer: [{}, { did: ['store.get'] }, { body: JSON.stringify(before) }],
      holdfast: [{}, { did: ['store.get', 'store.set'] }, { body: JSON.stringify(after) }],
    },
  },
  showing(
    payload,
    ['ctx', 'key', 'value'],
    ['reason', 'ref'],
    {
      name: 'what a logged session:missed shows',
      options: inStore,
      prepare: listening,
      routes: { '/read': read },
      requests: [{ to: '/read', first: (_, jar) => plant(jar, 'unknown') }],
    },
    'session:missed',
  ),
  showing(
    payload,
    ['ctx', 'key', 'value'],
    ['reason', 'ref'],
    {
      name: 'what a logged session:expired shows',
      options: inStore,
      prepare: listening,
      routes: { '/read': read },
      requests: [
        {
          to: '/read',
          first: (env, jar) => {
            env.store.records.set('known', { user: 'ann', _expire: 1 })
            plant(jar, 'known')
          },
        },
      ],
    },
    'session:expired',
  ),
  showing(
    payload,
    ['ctx', 'key', 'value'],
    ['reason', 'ref'],
    {
      name: 'what a logged session:invalid shows',
      options: env => ({ ...inStore(env), valid: () => false }),
      prepare: listening,
      routes: { '/read': read },
      requests: [
        {
          to: '/read',
          first: (env, jar) => {
            env.store.records.set('known', { user: 'ann' })
            plant(jar, 'known')
          },
        },
      ],
    },
    'session:invalid',
  ),
])

for (const koa of koaMajors) {
  describe(`two instances on one app, on Koa ${koa}`, () => {
    const serveTwo = (subject: Subject) => {
      const app = createApp(koa)
      app.keys = [...keys]
      const shop = subject.session({ key: 'shop' }, app)
      const admin = subject.session({ key: 'admin', httpOnly: false }, app)
      app.use((ctx: Ctx, next: Next) => (ctx.path === '/admin' ? admin(ctx, next) : shop(ctx, next)))
      app.use((ctx: Ctx) => {
        ctx.session.place = ctx.path
        ctx.body = 'ok'
      })
      return listen(app.callback())
    }

    it.each([
      [peer, ['shop', 'shop.sig'], ['shop', 'shop.sig']],
      [holdfast, ['shop', 'shop.sig'], ['admin', 'admin.sig']],
    ])(
      '$name: the second one has options of its own in Holdfast, and those of the first in koa-session',
      async (subject, first, second) => {
        const warn = vi.spyOn(console, 'warn').mockReturnValue()
        const emit = vi.spyOn(process, 'emitWarning').mockReturnValue()
        const server = await serveTwo(subject)
        const names = async (path: string) => (await server.send('GET', path, {})).setCookie.map(line => line.split('=')[0])
        expect(await names('/')).toEqual(first)
        expect(await names('/admin')).toEqual(second)
        expect(/two sessions are named ctx\.session/.test(JSON.stringify([...warn.mock.calls, ...emit.mock.calls]))).toBe(
          subject === holdfast,
        )
        vi.restoreAllMocks()
        await server.close()
      },
    )
  })
}
