// Promise 13 in the drop-ins: what the timeouts write beside the peer's own fields, and what becomes of sessions from before they were on.
import { login } from 'holdfast'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  dropInCookie,
  dropInMap,
  dropInMemory,
  dropInModes,
  type Mode,
  nativeCookie,
  nativeMemory,
  newStore,
  read,
  type Site,
  settled,
  type Turn,
  type Visitor,
  write,
} from './support.ts'
import { type Open, table } from './table.ts'

const START = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

const at = (after: number) => vi.setSystemTime(START + after)

const routes = { '/begin': write({ name: 'ann' }), '/read': read('name'), '/write': write({ n: 1 }) }

/** The same site before and after a change of its options: one store, one browser. */
async function twoSites(open: Open, mode: Mode, before: object, after: object) {
  const store = newStore(mode)
  const [first, second] = [await open({ routes, store, options: before }), await open({ routes, store, options: after })]
  const here = first.visitor()
  const there = second.visitor()
  /** The browser goes on where it was. */
  const moved = (from: Visitor, to: Visitor) => {
    to.cookies.clear()
    for (const [name, value] of from.cookies) to.cookies.set(name, value)
    return to
  }
  return { store, first, second, here, there, moved }
}

/** What Holdfast keeps beside the peer's fields, wherever that is. */
function marksIn(site: Site, visitor: Visitor, mode: Mode): unknown {
  const text =
    mode.place === 'cookie'
      ? Buffer.from(visitor.cookies.get(site.cookieName) ?? '', 'base64').toString()
      : [...site.store.target.records.values()][0]
  const wire = JSON.parse(text)
  return wire._holdfast ?? wire.cookie?._holdfast
}

table([dropInCookie, dropInMap], (open, mode) => {
  it('promise 13: without Holdfast’s own options nothing is written beside the peer’s fields', async () => {
    const site = await open({ routes, options: { maxAge: DAY } })
    const visitor = site.visitor()
    await visitor.get('/begin')
    expect(marksIn(site, visitor, mode)).toBe(undefined)
  })

  it('promise 13: each timeout writes what it needs and no more, and no longer than it is set', async () => {
    const cells: [object, unknown][] = [
      [{ idleTimeout: '30m' }, { touchedAt: START }],
      [{ absoluteTimeout: '2h' }, { createdAt: START }],
      [
        { idleTimeout: '30m', absoluteTimeout: '2h' },
        { createdAt: START, touchedAt: START },
      ],
      [{ rolling: true, touchInterval: '10m' }, { touchedAt: START }],
    ]
    for (const [options, marks] of cells) {
      at(0)
      const { first, second, here, there, moved } = await twoSites(open, mode, { maxAge: DAY, ...options }, { maxAge: DAY })
      await here.get('/begin')
      expect(marksIn(first, here, mode)).toEqual(marks)
      at(MINUTE)
      await moved(here, there).get('/write')
      expect((await there.get('/read')).body).toBe('ann')
      expect(marksIn(second, there, mode)).toBe(undefined)
    }
  })

  it('promise 13: for a session from before absoluteTimeout was set it begins with the first request that sees it, and is written down', async () => {
    const { second, here, there, moved } = await twoSites(open, mode, { maxAge: DAY }, { maxAge: DAY, absoluteTimeout: '2h' })
    await here.get('/begin')
    at(3 * HOUR)
    moved(here, there)
    expect((await there.get('/read')).body).toBe('ann')
    expect(marksIn(second, there, mode)).toEqual({ createdAt: START + 3 * HOUR })
    at(5 * HOUR)
    expect((await there.get('/read')).body).toBe('ann')
    at(5 * HOUR + 1)
    expect((await there.get('/read')).body).toBe('nothing')
  })

  it('promise 13: for a session from before idleTimeout was set that request is its first use', async () => {
    const { second, here, there, moved } = await twoSites(open, mode, { maxAge: DAY }, { maxAge: DAY, idleTimeout: '30m' })
    await here.get('/begin')
    at(3 * HOUR)
    moved(here, there)
    expect((await there.get('/read')).body).toBe('ann')
    expect(marksIn(second, there, mode)).toEqual({ touchedAt: START + 3 * HOUR })
    at(3 * HOUR + 30 * MINUTE + 1)
    expect((await there.get('/read')).body).toBe('nothing')
  })
})

table([dropInMemory], open => {
  it('promise 13: a Holdfast store knows when a session began: absoluteTimeout counts from there at once', async () => {
    const { here, there, moved } = await twoSites(open, dropInMemory, { maxAge: DAY }, { maxAge: DAY, absoluteTimeout: '2h' })
    await here.get('/begin')
    at(HOUR)
    expect((await moved(here, there).get('/write')).status).toBe(200)
    at(2 * HOUR)
    expect((await there.get('/read')).body).toBe('ann')
    at(2 * HOUR + 1)
    expect((await there.get('/read')).body).toBe('nothing')
  })
})

table(dropInModes, (open, mode, { framework }) => {
  it('promise 13: an end says which timeout it was', async () => {
    const site = await open({ routes, options: { maxAge: DAY, idleTimeout: '30m', absoluteTimeout: '45m' } })
    const visitor = site.visitor()
    const reasons = () =>
      site.events
        .splice(0)
        .filter(({ name }) => name === 'session:expired')
        .map(({ event }) => event.reason)
    await visitor.get('/begin')
    at(30 * MINUTE + 1)
    await visitor.get('/read')
    // Koa's events come after the turn.
    await settled()
    expect(reasons()).toEqual(['idle'])
    await visitor.get('/begin')
    await settled()
    reasons()
    for (const after of [50, 70]) {
      at(after * MINUTE)
      await visitor.get('/read')
    }
    at(75 * MINUTE + 2)
    await visitor.get('/read')
    await settled()
    // A Holdfast store has let it go by itself.
    expect(reasons()).toEqual(mode.place === 'memory' ? [] : ['absolute'])
  })

  it('promise 14: reads within the interval write nothing', async () => {
    const site = await open({ routes, options: { maxAge: DAY, idleTimeout: '30m', touchInterval: '10m', absoluteTimeout: '4h' } })
    const visitor = site.visitor()
    await visitor.get('/begin')
    site.store.did()
    const set: string[] = []
    for (let n = 1; n < 10; n++) {
      at(n * MINUTE)
      set.push(...(await visitor.get('/read')).setCookie)
    }
    expect([site.store.wrote(), set]).toEqual([[], []])
    at(10 * MINUTE)
    const answer = await visitor.get('/read')
    if (mode.place === 'cookie') expect(answer.setCookie).not.toEqual([])
    else expect(site.store.wrote()).toEqual([mode.place === 'map' ? 'set' : 'touch'])
  })

  it('promise 11: what cannot work is a TypeError at construction that names the options', async () => {
    const cells: [object, RegExp][] = [
      [{ idleTimeout: 'soon' }, /^idleTimeout must be/],
      [{ absoluteTimeout: 0 }, /^absoluteTimeout must be/],
      [{ rememberTimeout: -1 }, /^rememberTimeout must be/],
      [{ idleTimeout: '2h', absoluteTimeout: '1h' }, /absoluteTimeout.*idleTimeout/],
      [{ idleTimeout: '30m', touchInterval: '16m' }, /touchInterval.*idleTimeout/],
    ]
    if (framework === 'koa') cells.push([{ touchInterval: '10m' }, /touchInterval needs rolling: true or idleTimeout/])
    for (const [options, words] of cells) await expect(open({ routes: {}, options })).rejects.toThrow(words)
  })
})

describe('the browser', () => {
  table(
    [dropInCookie, dropInMap, dropInMemory],
    open => {
      it('promise 13: is not told to keep a cookie past the end that a mere use does not move', async () => {
        const site = await open({ routes, options: { maxAge: HOUR, idleTimeout: '30m' } })
        const visitor = site.visitor()
        await visitor.get('/begin')
        at(20 * MINUTE)
        const { setCookie } = await visitor.get('/read')
        for (const line of setCookie) expect(line).toContain(`expires=${new Date(START + HOUR).toUTCString()}`)
      })
    },
    ({ framework }) => framework === 'koa',
  )
})

table([nativeCookie, nativeMemory], open => {
  it("promise 13: native mode is maxAge 'session': the browser forgets the cookie when it closes, unless the user wants to stay signed in", async () => {
    const remember = (t: Turn) => login(t.session, 'ann', { remember: true }).then(() => 'in')
    const site = await open({ routes: { ...routes, '/remember': remember } })
    const visitor = site.visitor()
    expect((await visitor.get('/begin')).setCookie.join()).not.toMatch(/expires|max-age/i)
    expect((await visitor.get('/remember')).setCookie.join()).toMatch(/expires|max-age/i)
  })
})

table([dropInMemory], (open, _mode, { framework }) => {
  it('promise 13: the life that a handler gives with a login by the data is the session’s, for a new visitor and for one with a cart', async () => {
    const enter = ({ session }: Turn) => {
      session.userId = 'ann'
      if (framework === 'koa') session.maxAge = 30 * DAY
      else session.cookie.maxAge = 30 * DAY
      return 'in'
    }
    const site = await open({
      routes: { '/cart': write({ cart: 1 }), '/in': enter, '/who': read('userId') },
      options: { user: (data: { userId?: string }) => data.userId },
    })
    for (const before of [[], ['/cart']]) {
      at(0)
      const visitor = site.visitor()
      for (const path of [...before, '/in']) await visitor.get(path)
      const cookies = [...visitor.cookies]
      at(2 * DAY)
      for (const [name, value] of cookies) visitor.cookies.set(name, value)
      expect((await visitor.get('/who')).body).toBe('ann')
    }
  })
})
