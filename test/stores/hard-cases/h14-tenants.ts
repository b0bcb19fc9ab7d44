import { expect } from 'vitest'
import { read, type Turn, type Visitor } from '../../promises/support.ts'
import type { Loose } from '../../support/subjects.ts'
import type { Check } from '../http/check.ts'
import { type Stage, type StoreSite, sameBrowser } from '../http/stage.ts'

/** One name to a careless collation: case, blanks, accents, and the accent as a character of its own. */
const users = ['Bob', 'bob', 'bob ', ' bob', 'bób', 'bo\u0301b', 'BOB', 'bob\t', 'bo_', 'bo%']

async function tenant(stage: Stage, scope: string): Promise<StoreSite> {
  return stage.site({
    native: { scope, cookie: { name: 'sid' }, user: (data: Loose) => data.userId },
    routes: {
      '/read': read('userId'),
      '*': (turn: Turn) => {
        turn.session.userId = decodeURIComponent(turn.path.slice('/in/'.length))
        return 'in'
      },
    },
  })
}

async function loggedIn(site: StoreSite, user: string): Promise<Visitor> {
  const visitor = site.visitor()
  expect(await visitor.get(`/in/${encodeURIComponent(user)}`)).toMatchObject({ status: 200, body: 'in' })
  return visitor
}

const names: Check = {
  once: true,
  name: 'H14: users whose names differ in case, blanks or accents are different users: each has one session, and loses one',
  doors: ['native'],
  async run(stage) {
    const site = await tenant(stage, 'a')
    const visitors = new Map<string, Visitor>()
    for (const user of users) visitors.set(user, await loggedIn(site, user))
    for (const user of users) expect({ user, sessions: await site.sessions.list(user) }).toEqual({ user, sessions: [expect.anything()] })
    const stillIn = async () => {
      const found: string[] = []
      for (const [user, visitor] of visitors) {
        const { body } = await visitor.get('/read')
        if (body !== 'nothing') found.push(body)
        expect({ user, body }).toEqual({ user, body: expect.toBeOneOf([user, 'nothing']) })
      }
      return found
    }
    expect(await stillIn()).toEqual(users)
    for (const user of users.slice(0, 2)) expect(await site.sessions.revokeAll(user)).toBe(1)
    expect(await stillIn()).toEqual(users.slice(2))
    for (const user of users.slice(2)) expect(await site.sessions.revokeAll(user)).toBe(1)
    expect(await stillIn()).toEqual([])
  },
}

const scopes: Check = {
  once: true,
  name: 'H14: two sites on one store: neither reads, lists or revokes a session of the other, whatever their scopes and users are called',
  doors: ['native'],
  async run(stage) {
    const a = await tenant(stage, 'a')
    const au = await tenant(stage, 'a:u')
    // The scopes and users of the two must not add up to the same text.
    const [inA, inAu] = [await loggedIn(a, 'u:bob'), await loggedIn(au, 'bob')]
    await loggedIn(a, 'bob')
    expect((await sameBrowser(au, inA).get('/read')).body).toBe('nothing')
    expect((await sameBrowser(a, inAu).get('/read')).body).toBe('nothing')
    expect([await a.sessions.list('bob'), await au.sessions.list('bob'), await au.sessions.list('u:bob')]).toEqual([
      [expect.anything()],
      [expect.anything()],
      [],
    ])
    expect(await a.sessions.revokeAll('bob')).toBe(1)
    expect((await inAu.get('/read')).body).toBe('bob')
    expect(await au.sessions.revokeAll('u:bob')).toBe(0)
    expect((await inA.get('/read')).body).toBe('u:bob')
  },
}

export const tenants: readonly Check[] = [names, scopes]
