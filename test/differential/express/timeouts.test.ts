import { describe, expect, it } from 'vitest'
import { type Conversation, day, minute, play } from '../../support/express/conversation.ts'
import { login, look, shop, who } from '../../support/express/handlers.ts'
import { expresses } from '../../support/express/hosts.ts'
import { holdfast, peer } from '../../support/express/subjects.ts'

// Holdfast's own timeouts on, and express-session in turn with it, which knows nothing of them: it ignores what they have written, and
// nobody is logged out.

const routes = { ...shop, '/login': login, '/look': look, '/who': who }
const requests = [
  '/login',
  '/look',
  '/who',
  ...Array.from({ length: 12 }, (_, n) => ({ to: n % 3 === 2 ? '/who' : '/look', after: 5 * minute })),
]
const timeouts = { idleTimeout: '30m', absoluteTimeout: '4h', touchInterval: '1m' }

const conversations: Conversation[] = [
  { name: 'a life of a day', options: { ...timeouts, cookie: { maxAge: day } }, routes, requests },
  { name: 'until the browser closes', options: timeouts, routes, requests },
  { name: 'a store without touch', store: { touch: false }, options: { ...timeouts, cookie: { maxAge: day } }, routes, requests },
]

const orders = {
  'in turn': [holdfast, peer],
  'Holdfast first': [holdfast, holdfast, holdfast, peer, peer, peer, peer],
  'express-session first': [peer, peer, holdfast, holdfast, holdfast],
}

describe('a swap with timeouts', () => {
  for (const conversation of conversations) {
    it.each(expresses)(`${conversation.name}, on %s: what each visitor sees is what express-session alone shows`, async host => {
      const alone = await play(conversation, host, peer)
      for (const [order, subjects] of Object.entries(orders)) {
        const { exchanges } = await play(conversation, host, ...subjects)
        expect(
          exchanges.map(({ body }) => body),
          order,
        ).toEqual(alone.exchanges.map(({ body }) => body))
        expect(exchanges.at(-1)?.body).toContain('ann')
      }
    })

    it.each(expresses)(`${conversation.name}, on %s: Holdfast alone ends it`, async host => {
      const late = { ...conversation, requests: ['/login', '/look', { to: '/who', after: 30 * minute + 1 }] }
      const { exchanges } = await play(late, host, holdfast)
      expect(exchanges.at(-1)?.body).toContain('nobody')
    })
  }
})
