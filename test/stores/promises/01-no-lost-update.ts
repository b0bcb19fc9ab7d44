import { expect } from 'vitest'
import { gate, type Handler, type Site, settled, type Visitor, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { tell } from '../http/handlers.ts'
import { meeting, range, type SiteSetup, type Stage, sameBrowser } from '../http/stage.ts'

const REQUESTS = 100

/** Overlapping requests of one visitor at two instances of the site: each has read its session before one of them writes. */
const hundred: Check = {
  name: 'promise 1: 100 overlapping requests each set a key of their own, every second one below the same object: all are there',
  async run(stage) {
    const met = meeting(REQUESTS)
    const routes: SiteSetup['routes'] = {
      '/in': write({ prefs: { theme: 'dark' }, start: 0 }),
      '/read': tell,
      '*': async t => {
        const n = Number(t.path.slice(1))
        const target = n % 2 === 0 ? t.session : t.session.prefs
        await met()
        target[`k${n}`] = n
        return 'done'
      },
    }
    const sites = [await stage.site({ routes }), await stage.site({ routes })] as const
    const visitor = sites[0].visitor()
    await visitor.get('/in')
    const browsers = sites.map(site => sameBrowser(site, visitor))
    const answers = await Promise.all(range(REQUESTS).map(n => browsers[(n >> 1) % 2]?.get(`/${n}`)))
    expect(answers.filter(answer => answer?.status !== 200)).toEqual([])

    const keysOf = (rest: number) => Object.fromEntries(range(REQUESTS).flatMap(n => (n % 2 === rest ? [[`k${n}`, n]] : [])))
    expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ start: 0, ...keysOf(0), prefs: { theme: 'dark', ...keysOf(1) } })
  },
}

interface Race {
  site: Site
  visitor: Visitor
  slow: { status: number }
  /** What the next request reads. */
  data: Record<string, unknown>
}

/** `slow` has read its session and waits; `fast` comes to another instance and is answered; then `slow` goes on. */
async function race(stage: Stage, base: object, slow: Handler, fast: Handler, native: object = {}): Promise<Race> {
  const late = gate()
  const routes: SiteSetup['routes'] = {
    '/in': write(base),
    '/slow': async t => {
      void t.session.anything
      await late.pass()
      return slow(t)
    },
    '/fast': fast,
    '/read': tell,
  }
  const [site, other] = [await stage.site({ routes, native }), await stage.site({ routes, native })]
  const visitor = site.visitor()
  await visitor.get('/in')
  const answer = visitor.get('/slow')
  await late.reached
  expect((await sameBrowser(other, visitor).get('/fast')).status).toBe(200)
  late.open()
  const { status } = await answer
  await settled()
  return { site, visitor, slow: { status }, data: JSON.parse((await visitor.get('/read')).body) }
}

const later: Check = {
  name: 'promise 1: two requests set the same path: the later commit wins, and the other keys of both are there',
  async run(stage) {
    const base = { deep: { n: 0 }, list: [0] }
    const mine: Handler = t => {
      Object.assign(t.session.deep, { n: 1, mine: 1 })
      t.session.list = [1]
      return 'done'
    }
    const theirs: Handler = t => {
      Object.assign(t.session.deep, { n: 2, theirs: 2 })
      t.session.list = [2, 2]
      return 'done'
    }
    const first = await race(stage, base, mine, theirs)
    expect(first).toMatchObject({ slow: { status: 200 }, data: { deep: { n: 1, mine: 1, theirs: 2 }, list: [1] } })
    const second = await race(stage, base, theirs, mine)
    expect(second).toMatchObject({ slow: { status: 200 }, data: { deep: { n: 2, mine: 1, theirs: 2 }, list: [2, 2] } })
  },
}

const decided: Check = {
  once: true,
  name: "promise 1: two requests set the same path: with conflict 'error' the later one is a 409 and nothing of it is stored",
  doors: ['native'],
  async run(stage) {
    const raced = await race(stage, { n: 0 }, write({ n: 1, mine: 1 }), write({ n: 2 }), { conflict: 'error' })
    expect(raced).toMatchObject({ slow: { status: 409 }, data: { n: 2 } })
    expect(raced.data).toEqual({ n: 2 })
    expect(raced.site.errors).toMatchObject([{ code: 'HOLDFAST_CONFLICT' }])
  },
}

const deepChange: Handler = t => {
  t.session.deep.n = 1
  return 'done'
}

const asked: Check = {
  once: true,
  name: 'promise 1: two requests set the same path: a function decides, with the path and the three values',
  doors: ['native'],
  async run(stage) {
    const conflict = (path: readonly string[], base: unknown, mine: unknown, theirs: unknown) =>
      [path.join('.'), base, mine, theirs].join(' ')
    const raced = await race(stage, { deep: { n: 0 } }, deepChange, write({ deep: { n: 2 } }), { conflict })
    expect(raced.data).toEqual({ deep: { n: 'deep.n 0 1 2' } })
  },
}

/** Who somebody is, and what one of two overlapping requests makes of it. */
const alice = { userId: 'alice', mfa: false, cart: 1 }
const bob = write({ userId: 'bob', mfa: false, from: 'bob' })
const verified = write({ mfa: true, from: 'alice' })

const guarded: Check = {
  name: 'promise 1: who somebody is is never mixed from two requests: one side stands whole, and the other is told',
  async run(stage) {
    const orders = [
      { slow: verified, fast: bob, stands: { userId: 'bob', mfa: false, cart: 1, from: 'bob' } },
      { slow: bob, fast: verified, stands: { userId: 'alice', mfa: true, cart: 1, from: 'alice' } },
    ]
    for (const { slow, fast, stands } of orders) {
      const raced = await race(stage, alice, slow, fast)
      expect(raced.data).toEqual(stands)
      expect(raced.site.events.map(({ name, event }) => `${name} ${event.reason}`)).toEqual(['session:conflict guarded'])
    }
  },
}

const guardedLoudly: Check = {
  once: true,
  name: "promise 1: who somebody is is never mixed from two requests: with onGone 'error' the other one is a 409",
  doors: ['native'],
  async run(stage) {
    const raced = await race(stage, alice, verified, bob, { onGone: 'error' })
    expect(raced).toMatchObject({ slow: { status: 409 }, data: { userId: 'bob', mfa: false } })
    expect(raced.site.errors).toMatchObject([{ code: 'HOLDFAST_CONFLICT' }])
  },
}

export const noLostUpdate: readonly Check[] = [hundred, later, decided, asked, guarded, guardedLoudly]
