import { expect } from 'vitest'
import { type Handler, renew, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { meeting, type SiteSetup, sameBrowser } from '../http/stage.ts'

const routes: SiteSetup['routes'] = {
  '/in': write({ user: 'ann' }),
  '/renew': renew,
  '/cart': write({ cart: 1 }),
  '/read': t => `${t.session.user ?? 'nothing'} ${t.session.cart ?? 0}`,
}

const acknowledged: Check = {
  name: 'H3: a save that is acknowledged between the read and the replace of a new id is in the new session',
  async run(stage) {
    const [one, two] = [await stage.site({ routes }), await stage.site({ routes })]
    const visitor = one.visitor()
    await visitor.get('/in')
    const stop = one.store.stop('replace')
    const renewing = visitor.get('/renew')
    await stop.reached
    expect((await sameBrowser(two, visitor).get('/cart')).status).toBe(200)
    stop.open()
    expect((await renewing).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('ann 1')
    expect((await one.opened.store.list()).records).toHaveLength(1)
  },
}

const racing: Check = {
  name: 'H3: of two requests that ask for a new id at once one gets it, the other sets no cookie, and one record lives',
  async run(stage) {
    const met = meeting(2)
    const both: Handler = async t => {
      void t.session.user
      await met()
      return renew(t)
    }
    const sites = [
      await stage.site({ routes: { ...routes, '/both': both } }),
      await stage.site({ routes: { ...routes, '/both': both } }),
    ] as const
    const visitor = sites[0].visitor()
    await visitor.get('/in')
    const old = visitor.header()
    const browsers = sites.map(site => sameBrowser(site, visitor))
    const answers = await Promise.all(browsers.map(browser => browser.get('/both')))
    const winner = answers.findIndex(({ status }) => status === 200)
    expect(answers[winner]).toMatchObject({ status: 200 })
    expect(answers[winner]?.setCookie).not.toEqual([])
    expect(answers[1 - winner]).toMatchObject({ status: 409, setCookie: [] })
    expect((await browsers[winner]?.get('/read'))?.body).toBe('ann 0')
    expect((await sites[0].visitor().get('/read', { headers: { cookie: old } })).body).toBe('nothing 0')
    expect((await sites[0].opened.store.list()).records).toHaveLength(1)
  },
}

export const regenerateRaces: readonly Check[] = [acknowledged, racing]
