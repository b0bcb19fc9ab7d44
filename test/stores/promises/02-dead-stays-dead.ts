import { expect } from 'vitest'
import { type Gate, gate, type Handler, logout, renew, settled, type Visitor, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { increment, tell } from '../http/handlers.ts'
import { type Clock, type SiteSetup, type Stage, type StoreSite, sameBrowser } from '../http/stage.ts'

const MINUTE = 60_000
const LIFE = 30 * MINUTE

interface Scene {
  stage: Stage
  clock: Clock
  /** The older request is here. */
  site: StoreSite
  /** Another instance of the site, with a client of its own. */
  other: StoreSite
  visitor: Visitor
  /** The cookie that the older request was sent with. */
  cookie: string
  late: Gate
}

/** How the session ends while the older request is held. */
const ends: Record<string, (scene: Scene) => Promise<unknown>> = {
  'was destroyed': ({ other, visitor }) => sameBrowser(other, visitor).get('/out'),
  'got a new id': async ({ other, visitor }) => {
    const answer = await sameBrowser(other, visitor).get('/renew')
    visitor.take(answer.setCookie)
  },
  'has expired': async ({ clock }) => clock.advance(LIFE),
}

/** What the older request then does; first what the store is asked for, then other ways to ask for the same. */
const lates: Record<string, Handler> = {
  'a change': write({ back: true }),
  'a touch': () => 'touched',
  'an explicit save': write({ back: true }, t => t.session.save().then(() => 'saved')),
  'an update': increment,
  'a new session in its place': t => {
    t.session = { back: true }
    return 'assigned'
  },
}

async function scene(stage: Stage, act: Handler): Promise<Scene> {
  const late = gate()
  const clock = stage.stopClock()
  const setup: SiteSetup = {
    routes: {
      '/in': write({ user: 'ann' }),
      '/out': logout,
      '/renew': renew,
      '/read': tell,
      '/late': async t => {
        void t.session.user
        await late.pass()
        return act(t)
      },
    },
    native: { idleTimeout: LIFE, touchInterval: MINUTE },
    dropIn: { maxAge: LIFE, rolling: true },
  }
  const [site, other] = [await stage.site(setup), await stage.site(setup)]
  const visitor = site.visitor()
  expect((await visitor.get('/in')).body).toBe('done')
  // The older request's touch is due.
  clock.advance(2 * MINUTE)
  return { stage, clock, site, other, visitor, cookie: visitor.header(), late }
}

/** Neither the store nor a new request finds anything under the old cookie. */
async function expectDead({ stage, site, other, cookie }: Scene): Promise<void> {
  const key = keyOf(site)
  const { store } = await stage.open()
  expect((await store.load(key)) ?? { gone: 'expired' }).toEqual({ gone: expect.any(String) })
  const keys = (await store.list()).records.map(record => record.key)
  expect(keys).not.toContain(key)
  for (const instance of [site, other]) {
    expect((await instance.visitor().get('/read', { headers: { cookie } })).body).toBe('{}')
  }
  // And that request brought nothing back either.
  expect((await store.list()).records.map(record => record.key)).toEqual(keys)
}

/** Under which key the visitor's first session was stored. */
export function keyOf(site: StoreSite): string {
  const [record] = (site.store.calls.find(({ method }) => method === 'create')?.args ?? []) as [{ key: string }?]
  if (!record) throw new Error('no session was created')
  return record.key
}

function check(end: string, what: string, act: Handler, once?: true): Check {
  return {
    ...(once && { once }),
    name: `promise 2: the session ${end} while an older request was held in its handler: ${what} of that request brings nothing back`,
    async run(stage) {
      const scenery = await scene(stage, act)
      const { visitor, cookie, late } = scenery
      const answer = visitor.get('/late', { headers: { cookie } })
      await late.reached
      await ends[end]?.(scenery)
      const stillIn = visitor.header()
      late.open()
      expect(await answer).toMatchObject({ status: 200, setCookie: [] })
      await settled()
      await expectDead(scenery)
      if (end !== 'got a new id') return
      expect(visitor.header()).toBe(stillIn)
      expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ user: 'ann' })
    },
  }
}

/** The older request has decided what to write, and is held on its way into the store. */
function checkInside(end: string, method: 'save' | 'touch', act: Handler): Check {
  return {
    name: `promise 2: the session ${end} while an older request's ${method} was on its way to the store: it brings nothing back`,
    async run(stage) {
      const scenery = await scene(stage, act)
      const { site, visitor, cookie, late } = scenery
      late.open()
      const stop = site.store.stop(method)
      const answer = visitor.get('/late', { headers: { cookie } })
      await stop.reached
      await ends[end]?.(scenery)
      stop.open()
      expect(await answer).toMatchObject({ status: 200 })
      await settled()
      await expectDead(scenery)
    },
  }
}

const renewed: Check = {
  once: true,
  name: 'promise 2: the session was destroyed while an older request was held in its handler: a new id for it is refused with 409',
  async run(stage) {
    const scenery = await scene(stage, renew)
    const { visitor, cookie, late } = scenery
    const answer = visitor.get('/late', { headers: { cookie } })
    await late.reached
    await ends['was destroyed']?.(scenery)
    late.open()
    expect(await answer).toMatchObject({ status: 409, setCookie: [] })
    await expectDead(scenery)
  },
}

export const deadStaysDead: readonly Check[] = [
  ...Object.keys(ends).flatMap(end => [
    ...Object.entries(lates).map(([what, act], n) => check(end, what, act, n < 2 ? undefined : true)),
    checkInside(end, 'save', write({ back: true })),
    checkInside(end, 'touch', () => 'touched'),
  ]),
  renewed,
]
