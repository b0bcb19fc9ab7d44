import { expect } from 'vitest'
import { read, write } from '../../promises/support.ts'
import { until } from '../../servers/process.ts'
import type { Check } from '../http/check.ts'
import { type SiteSetup, sameBrowser } from '../http/stage.ts'
import { keyOf } from '../promises/02-dead-stays-dead.ts'
import { type PlaceName, places } from '../subjects.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const routes: SiteSetup['routes'] = {
  '/in': write({ user: 'ann' }),
  '/read': read('user'),
  '/change': write({ changed: true }),
}
/** Servers have a clock of their own; embedded stores have the process's. */
const networked = (place: PlaceName) => places[place].kind === 'server'

const shortened: Check = {
  name: 'H11: the touch of an older request does not undo a life that a newer one has shortened',
  doors: ['drop-in'],
  async run(stage) {
    const clock = stage.stopClock()
    const setup: SiteSetup = {
      routes: {
        ...routes,
        '/shorten': t => {
          t.session.maxAge = MINUTE
          return 'shortened'
        },
      },
      dropIn: { maxAge: 30 * MINUTE, rolling: true },
    }
    const [one, two] = [await stage.site(setup), await stage.site(setup)]
    const visitor = one.visitor()
    await visitor.get('/in')
    clock.advance(MINUTE)
    const cookie = visitor.header()
    const stop = one.store.stop('touch')
    const reading = visitor.get('/read', { headers: { cookie } })
    await stop.reached
    expect((await sameBrowser(two, visitor).get('/shorten')).status).toBe(200)
    stop.open()
    expect((await reading).body).toBe('ann')
    clock.advance(MINUTE + 1)
    for (const site of [one, two]) expect((await site.visitor().get('/read', { headers: { cookie } })).body).toBe('nothing')
  },
}

const ahead: Check = {
  name: 'H11: a node whose clock is an hour ahead ends nobody’s session, with its requests or its clean-up',
  doors: ['native'],
  once: true,
  on: networked,
  async run(stage) {
    const [right, ahead] = [await stage.site({ routes }), await stage.site({ routes, native: { now: () => Date.now() + HOUR } })]
    const visitor = right.visitor()
    await visitor.get('/in')
    const there = sameBrowser(ahead, visitor)
    for (const path of ['/read', '/change']) expect((await there.get(path)).status).toBe(200)
    expect(await ahead.opened.store.deleteExpired(100)).toBe(0)
    expect((await visitor.get('/read')).body).toBe('ann')
    expect((await visitor.get('/change')).status).toBe(200)
  },
}

const behind: Check = {
  name: 'H11: a node whose clock is an hour behind keeps nothing past its end on the right clock',
  doors: ['native'],
  once: true,
  on: networked,
  async run(stage) {
    const native = { idleTimeout: 400, absoluteTimeout: 500, touchInterval: 1 }
    const [right, behind] = [
      await stage.site({ routes, native }),
      await stage.site({ routes, native: { ...native, now: () => Date.now() - HOUR } }),
    ]
    const visitor = right.visitor()
    await visitor.get('/in')
    const there = sameBrowser(behind, visitor)
    // Whatever it reads and touches meanwhile, the end comes.
    await until('the session ends', async () => {
      await there.get('/read')
      return (await right.opened.store.load(keyOf(right))) === null
    })
    for (const path of ['/read', '/change', '/read']) {
      expect((await there.get(path, { headers: { cookie: visitor.header() } })).body).not.toBe('ann')
    }
    expect(await right.opened.store.load(keyOf(right))).toBeNull()
  },
}

export const clocks: readonly Check[] = [shortened, ahead, behind]
