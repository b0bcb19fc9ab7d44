import { expect, vi } from 'vitest'
import { gate, logout, read, renew, type Turn, type Visitor } from '../../promises/support.ts'
import type { Loose } from '../../support/subjects.ts'
import type { Check } from '../http/check.ts'
import { Sent } from '../http/sent.ts'
import { range, type Stage, type StoreSite, sameBrowser } from '../http/stage.ts'
import { places } from '../subjects.ts'

const native = { user: (data: Loose) => data.userId, absoluteTimeout: '12h' }

/** `/in/ann`: the handler logs a user in, as handlers should, with a new id. */
async function login(turn: Turn): Promise<string> {
  turn.session.userId = decodeURIComponent(turn.path.slice('/in/'.length))
  await turn.session.regenerate()
  return 'in'
}

async function siteWith(stage: Stage, routes: Record<string, (turn: Turn) => unknown> = {}): Promise<StoreSite> {
  return stage.site({
    native,
    routes: {
      ...routes,
      '/read': read('userId'),
      '/out': logout,
      '/renew': renew,
      '*': login,
    },
  })
}

async function loggedIn(site: StoreSite, user: string): Promise<Visitor> {
  const visitor = site.visitor()
  expect(await visitor.get(`/in/${encodeURIComponent(user)}`)).toMatchObject({ status: 200, body: 'in' })
  return visitor
}

const who = async (visitor: Visitor) => (await visitor.get('/read')).body

const everywhere: Check = {
  name: 'promise 16: revokeAll ends each session of a user at every instance, and nobody else’s',
  doors: ['native'],
  async run(stage) {
    const [one, two] = [await siteWith(stage), await siteWith(stage)]
    const anns = [await loggedIn(one, 'ann'), await loggedIn(two, 'ann'), await loggedIn(one, 'ann')]
    const bob = await loggedIn(one, 'bob')
    const cookies = anns.map(ann => ann.header())
    expect(await two.sessions.list('ann')).toHaveLength(3)
    expect(await two.sessions.revokeAll('ann')).toBe(3)
    for (const site of [one, two]) {
      for (const cookie of cookies) expect((await site.visitor().get('/read', { headers: { cookie } })).body).toBe('nothing')
    }
    expect(await who(bob)).toBe('bob')
    expect([await one.sessions.list('ann'), await one.sessions.revokeAll('ann')]).toEqual([[], 0])
    expect(await one.sessions.list('bob')).toHaveLength(1)
    // And a new login works; what began in the same millisecond counts as before it.
    const then = Date.now()
    await vi.waitUntil(() => Date.now() > then, { interval: 1 })
    expect(await who(await loggedIn(one, 'ann'))).toBe('ann')
    expect(await two.sessions.list('ann')).toHaveLength(1)
  },
}

const inStep: Check = {
  once: true,
  name: 'promise 16: list knows a login at once, a new id once, and forgets what was logged out or has expired',
  doors: ['native'],
  async run(stage) {
    const clock = stage.stopClock()
    const site = await siteWith(stage)
    const count = async () => (await site.sessions.list('ann')).length
    const first = await loggedIn(site, 'ann')
    expect(await count()).toBe(1)
    await first.get('/renew')
    expect(await count()).toBe(1)
    clock.advance(60_000)
    const second = await loggedIn(site, 'ann')
    const [older, newer] = await site.sessions.list('ann')
    expect(newer.createdAt - older.createdAt).toBe(60_000)
    await first.get('/out')
    expect(await count()).toBe(1)
    expect(await who(second)).toBe('ann')
    clock.advance(31 * 60_000)
    expect(await count()).toBe(0)
  },
}

const inFlight: Check = {
  once: true,
  name: 'promises 2 and 16: a request that was held in its handler while everything was revoked brings nothing back',
  doors: ['native'],
  async run(stage) {
    const late = gate()
    const routes = {
      '/late': async (turn: Turn) => {
        void turn.session.userId
        await late.pass()
        turn.session.back = true
        return 'changed'
      },
    }
    const [one, two] = [await siteWith(stage, routes), await siteWith(stage, routes)]
    const ann = await loggedIn(one, 'ann')
    const answer = ann.get('/late')
    await late.reached
    expect(await two.sessions.revokeAll('ann')).toBe(1)
    late.open()
    expect(await answer).toMatchObject({ status: 200, setCookie: [] })
    expect(await who(ann)).toBe('nothing')
    expect(await who(sameBrowser(two, ann))).toBe('nothing')
    expect(await one.sessions.list('ann')).toEqual([])
  },
}

const OTHERS = 100

const cost: Check = {
  name: `promise 16: list, revoke and revokeAll cost the same with ${OTHERS} sessions of others in the store as without`,
  doors: ['native'],
  on: place => places[place].kind === 'server',
  async run(stage) {
    const site = await siteWith(stage)
    const sent = new Sent(stage)
    const costs = async () => {
      for (let n = 0; n < 3; n++) await loggedIn(site, 'ann')
      sent.now()
      const listed = await site.sessions.list('ann')
      expect(listed).toHaveLength(3)
      const list = sent.now()
      expect(await site.sessions.revoke('ann', listed[1].handle)).toBe(true)
      const one = sent.now()
      expect(await site.sessions.revokeAll('ann')).toBe(2)
      return { list, one, all: sent.now() }
    }
    // The first revokeAll makes the user's epoch, later ones raise it.
    await costs()
    const alone = await costs()
    await Promise.all(range(OTHERS).map(n => loggedIn(site, `user ${n}`)))
    expect(await costs()).toEqual(alone)
  },
}

export const logOutEverywhere: readonly Check[] = [everywhere, inStep, inFlight, cost]
