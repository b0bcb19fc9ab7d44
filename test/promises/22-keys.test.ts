import { expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import {
  dropInCookie,
  dropInModes,
  everyMode,
  nativeCookie,
  nativeMemory,
  read,
  type Setup,
  type Site,
  type Visitor,
  write,
} from './support.ts'
import { type Open, onKoa, table } from './table.ts'

const oldest = 'the oldest of the secrets, 0123456789abc'
const older = 'an older one of the secrets, 0123456789'
const newest = 'the newest of the secrets, 0123456789'

const routes = { '/in': write({ name: 'ann' }), '/read': read('name'), '/ping': () => 'pong' }

/** A site whose keys the test changes while it runs: `app.keys`, or the function that a native manager asks. */
async function rotating(open: Open, native: boolean, ring: Loose[], setup: Partial<Setup> = {}): Promise<Site> {
  return open({ ...setup, keys: native ? () => ring : ring, routes })
}

async function loggedIn(site: Site): Promise<Visitor> {
  const visitor = site.visitor()
  await visitor.get('/in')
  return visitor
}

async function nameOf(visitor: Visitor): Promise<string> {
  return (await visitor.get('/read')).body
}

function rotates(open: Open, native: boolean, setup: Partial<Setup> = {}): void {
  it('promise 22: the newest key writes, all read, and an old-key cookie is issued anew', async () => {
    const ring: Loose[] = [oldest]
    const site = await rotating(open, native, ring, setup)
    const visitor = await loggedIn(site)
    ring.unshift(older)
    ring.unshift(newest)
    const first = await visitor.get('/read')
    expect(first.body).toBe('ann')
    expect(first.setCookie.length).toBeGreaterThan(0)
    expect((await visitor.get('/read')).setCookie).toEqual([])
    ring.splice(1)
    expect(await nameOf(visitor)).toBe('ann')
  })

  it('promise 22: removing a key ends what it protected and was not issued anew', async () => {
    const ring: Loose[] = [older]
    const site = await rotating(open, native, ring, setup)
    const [stays, comesBack] = [await loggedIn(site), await loggedIn(site)]
    ring.unshift(newest)
    await nameOf(comesBack)
    ring.pop()
    expect(await nameOf(comesBack)).toBe('ann')
    expect(await nameOf(stays)).toBe('nothing')
  })

  it('promise 22: a key that was never set proves nothing', async () => {
    const stranger = await rotating(open, native, [older], setup)
    const visitor = await loggedIn(stranger)
    const site = await rotating(open, native, [newest], { ...setup, store: stranger.store })
    expect((await site.visitor().get('/read', { headers: { cookie: visitor.header() } })).body).toBe('nothing')
  })
}

table(everyMode, (open, mode) => rotates(open, mode.native))

table([dropInCookie], open => rotates(open, false, { options: { encrypt: true } }))

table(
  dropInModes,
  open => {
    it('promise 22: keys set after session() count, and no key at all says how to mend it', async () => {
      const site = await open({ keys: undefined, routes })
      site.app.keys = undefined
      expect((await site.visitor().get('/in')).status).toBe(500)
      expect(site.errors[0]).toMatchObject({ code: 'HOLDFAST_KEYS', message: expect.stringContaining('app.keys = [') })
      site.app.keys = [newest]
      expect(await nameOf(await loggedIn(site))).toBe('ann')
    })
  },
  onKoa,
)

table([nativeCookie, nativeMemory], (open, mode) => {
  it('promise 22: a revoked key ends also what was issued anew from it', async () => {
    const ring: Loose[] = [older]
    const site = await rotating(open, true, ring)
    const fromOld = await loggedIn(site)
    ring.unshift(newest)
    const fromNew = await loggedIn(site)
    expect(await nameOf(fromOld)).toBe('ann')
    ring[1] = { secret: older, revoked: true }
    expect(await nameOf(fromOld)).toBe('nothing')
    expect(await nameOf(fromNew)).toBe('ann')
  })

  it('promise 22: a line of re-issues keeps its first key through many rotations', async () => {
    const ring: Loose[] = [oldest]
    const site = await rotating(open, true, ring)
    const visitor = await loggedIn(site)
    for (const key of [older, newest]) {
      ring.unshift(key)
      expect(await nameOf(visitor)).toBe('ann')
    }
    ring[2] = { secret: oldest, revoked: true }
    expect(await nameOf(visitor)).toBe('nothing')
  })

  it('promise 22: a request that only passes by is not slowed by a rotation', async () => {
    const ring: Loose[] = [older]
    const site = await rotating(open, true, ring)
    const visitor = await loggedIn(site)
    ring.unshift(newest)
    const { setCookie } = await visitor.get('/ping')
    // A store is asked anyway, so the token is seen and issued anew; a cookie that nobody opens is not.
    expect(setCookie.length).toBe(mode.place === 'cookie' ? 0 : 1)
    expect(await nameOf(visitor)).toBe('ann')
  })
})
