import { expect } from 'vitest'
import { gate, type Handler, read, renew, settled, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { updateWith } from '../http/handlers.ts'
import { type SiteSetup, type Stage, sameBrowser } from '../http/stage.ts'

const acts: Record<string, Handler> = {
  'writes a counter': write({ counter: 1 }),
  'saves explicitly': write({ counter: 1 }, t => t.session.save().then(() => 'saved')),
  'updates a counter': updateWith({ counter: 1 }),
  'puts a new session in its place': t => {
    t.session = { counter: 1 }
    return 'assigned'
  },
}

interface Story {
  setup: SiteSetup
  late: ReturnType<typeof gate>
}

function story(act: Handler): Story {
  const late = gate()
  const setup: SiteSetup = {
    routes: {
      '/in': write({ cart: 1 }),
      '/login': write({ user: 'ann' }, renew),
      '/act': act,
      '/late': async t => {
        void t.session.cart
        await late.pass()
        return act(t)
      },
      '/read': read('user'),
    },
    dropIn: { rolling: true },
  }
  return { setup, late }
}

/** Both instances of a site, and a visitor who has an anonymous session: cookie C1. */
async function open(stage: Stage, setup: SiteSetup) {
  const [site, other] = [await stage.site(setup), await stage.site(setup)]
  const visitor = site.visitor()
  await visitor.get('/in')
  return { site, other, visitor, c1: visitor.header() }
}

function after(what: string, act: Handler): Check {
  return {
    name: `H4: a request that was sent with the old cookie, opens after the login and ${what}: the jar still holds the login's cookie`,
    once: true,
    async run(stage) {
      const { site, other, visitor, c1 } = await open(stage, story(act).setup)
      await visitor.get('/login')
      const c2 = visitor.header()
      expect(c2).not.toBe(c1)
      for (const instance of [site, other]) {
        instance.store.did()
        const answer = await sameBrowser(instance, visitor).get('/act', { headers: { cookie: c1 } })
        expect(answer).toMatchObject({ status: 200, setCookie: [] })
        expect(instance.store.wrote()).toEqual([])
      }
      expect((await visitor.get('/read')).body).toBe('ann')
    },
  }
}

function before(what: string, act: Handler): Check {
  return {
    name: `H4: a request that was opened before the login and after it ${what}: the jar still holds the login's cookie`,
    async run(stage) {
      const { setup, late } = story(act)
      const { other, visitor } = await open(stage, setup)
      const answer = visitor.get('/late')
      await late.reached
      visitor.take((await sameBrowser(other, visitor).get('/login')).setCookie)
      const c2 = visitor.header()
      late.open()
      expect(await answer).toMatchObject({ status: 200, setCookie: [] })
      await settled()
      expect(visitor.header()).toBe(c2)
      expect((await visitor.get('/read')).body).toBe('ann')
      expect((await other.opened.store.list()).records).toHaveLength(1)
    },
  }
}

export const lateRequest: readonly Check[] = Object.entries(acts).flatMap(([what, act]) => [after(what, act), before(what, act)])
