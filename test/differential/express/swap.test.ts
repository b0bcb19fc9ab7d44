import { describe, expect, it } from 'vitest'
import { type Conversation, called, day, type Handler, minute, play } from '../../support/express/conversation.ts'
import { hostsFor } from '../../support/express/differential.ts'
import { login, look, renew, shop, who } from '../../support/express/handlers.ts'
import { allHosts, expresses } from '../../support/express/hosts.ts'
import { holdfast, peer } from '../../support/express/subjects.ts'
import type { Loose } from '../../support/subjects.ts'

// One jar and one store; the library changes between two requests, and back. Nobody is logged out, and the whole trace is the one of
// express-session alone.

const shorten: Handler = req => {
  req.session.cookie.maxAge = 30_000
  req.session.short = true
  return 'shortened'
}

const reload: Handler = async req => {
  await called(done => req.session.reload(done))
  return req.session
}

const routes = { ...shop, '/login': login, '/look': look, '/who': who, '/renew': renew, '/shorten': shorten, '/reload': reload }

const requests = [
  ...['/who', '/login', '/look', '/who', '/look', '/idle', '/renew', '/login', '/look', '/who', '/shorten', '/look', '/reload', '/who'],
  { to: '/look', after: 20_000 },
  { to: '/who', after: 9_000 },
  ...['/idle', '/look', '/renew', '/who', '/login', '/look', '/look', '/who'],
]

const kinds: Record<string, Loose> = {
  'no options': {},
  'a life of a day': { cookie: { maxAge: day } },
  'a life of a minute, rolling': { cookie: { maxAge: minute }, rolling: true },
  'everything saved at each request': { resave: true, saveUninitialized: true },
  'everything saved at each request, and a life': { resave: true, saveUninitialized: true, cookie: { maxAge: minute } },
  'another name and other attributes': { name: 'sid', cookie: { sameSite: 'strict', httpOnly: false, priority: 'high' } },
}

const conversations: Conversation[] = [
  ...Object.entries(kinds).map(([name, options]): Conversation => ({ name, options, routes, requests, hosts: allHosts })),
  { name: 'a store without touch', store: { touch: false }, options: { cookie: { maxAge: day } }, routes, requests },
  { name: 'a store that answers at once', store: { atOnce: true }, routes, requests },
  { name: 'default ids', options: { genid: undefined }, randomIds: true, routes, requests },
  { name: 'two secrets', options: { secret: ['the newest secret', 'an older one'] }, routes, requests },
]

const orders = {
  'from express-session to Holdfast and back, at each request': [peer, holdfast],
  'from Holdfast to express-session and back, at each request': [holdfast, peer],
  'two and two': [peer, peer, holdfast, holdfast],
  'at random': [holdfast, peer, peer, holdfast, holdfast, peer, holdfast],
}

describe('one jar and one store for both libraries', () => {
  for (const [n, conversation] of conversations.entries()) {
    it.each(hostsFor(conversation.hosts ?? expresses, n))(`${conversation.name}, on %s`, { timeout: 20_000 }, async host => {
      const alone = await play(conversation, host, peer)
      for (const [order, subjects] of Object.entries(orders)) {
        expect(await play(conversation, host, ...subjects), order).toStrictEqual(alone)
      }
      const users = alone.exchanges.filter(exchange => exchange.request === 'GET /look').map(exchange => JSON.parse(exchange.body).user)
      expect(users.filter(Boolean).length).toBeGreaterThan(4)
    })
  }
})
