import { describe, expect, it } from 'vitest'
import { type Conversation, day, type Handler, play } from '../support/conversation.ts'
import { holdfast, koaMajors, peer, type Subject } from '../support/subjects.ts'

// Holdfast's own timeouts on, and koa-session in turn with it, which knows nothing of them: it ignores what they have written, and
// nobody is logged out.

const minute = 60_000

const login: Handler = ctx => {
  ctx.session.user = 'ann'
  ctx.session.views = 0
  return 'in'
}

const look: Handler = ctx => {
  ctx.session.views++
  return ctx.session
}

const who: Handler = ctx => ctx.session

const routes = { '/login': login, '/look': look, '/who': who }
const requests = [
  '/login',
  '/look',
  '/who',
  ...Array.from({ length: 12 }, (_, n) => ({ to: n % 3 === 2 ? '/who' : '/look', after: 5 * minute })),
]
const timeouts = { idleTimeout: '30m', absoluteTimeout: '4h', touchInterval: '1m' }

const conversations: Conversation[] = [
  { name: 'in cookie mode', options: () => ({ maxAge: day, ...timeouts }), routes, requests },
  { name: "maxAge 'session'", options: () => ({ maxAge: 'session', ...timeouts }), routes, requests },
  {
    name: 'rolling, with a store',
    options: env => ({ maxAge: day, rolling: true, ...timeouts, store: env.store, genid: env.genid }),
    routes,
    requests,
  },
]

const schedules: Record<string, Subject[]> = {
  'in turn': [holdfast, peer],
  'Holdfast first': [holdfast, holdfast, holdfast, peer, peer, peer, peer],
  'koa-session first': [peer, peer, holdfast, holdfast, holdfast],
}

for (const koa of koaMajors) {
  for (const conversation of conversations) {
    describe(`a swap with timeouts on Koa ${koa}: ${conversation.name}`, () => {
      it.each(Object.entries(schedules))('%s: what each visitor sees is what koa-session alone shows', async (_, subjects) => {
        const alone = await play(conversation, koa, peer)
        const { exchanges } = await play(conversation, koa, ...subjects)
        expect(exchanges.map(({ body }) => body)).toEqual(alone.exchanges.map(({ body }) => body))
        expect(exchanges.at(-1)?.body).toContain('ann')
      })

      it('Holdfast alone ends it', async () => {
        const late = { ...conversation, requests: ['/login', '/look', { to: '/who', after: 30 * minute + 1 }] }
        const { exchanges } = await play(late, koa, holdfast)
        expect(exchanges.at(-1)?.body).toBe('{}')
      })
    })
  }
}
