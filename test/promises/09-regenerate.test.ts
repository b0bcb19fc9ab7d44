import { idOf } from 'holdfast'
import { expect, it } from 'vitest'
import {
  type Driver,
  dropInModes,
  everyMode,
  gate,
  holdfastStores,
  type Mode,
  read,
  renew,
  type Site,
  storeModes,
  type Visitor,
  write,
} from './support.ts'
import { onKoa, table } from './table.ts'

const routes = { '/in': write({ name: 'ann' }), '/renew': renew, '/read': read('name'), '/set': write({ note: 'set' }) }

async function loggedIn(site: Site): Promise<Visitor> {
  const visitor = site.visitor()
  await visitor.get('/in')
  site.store.did()
  return visitor
}

/** Where a new id keeps the data; express-session's drops them: see 09-regenerate-express. */
const keepsData = (driver: Driver, mode: Mode): boolean => driver.keepsDataWithNewId(mode)

const failingWrite = ({ place }: Mode) => (place === 'map' ? 'set' : 'replace')

table(
  everyMode,
  (open, mode) => {
    it('promise 9: the data are kept and the visitor stays logged in', async () => {
      const site = await open({ routes })
      const visitor = await loggedIn(site)
      const answer = await visitor.get('/renew')
      expect(answer.setCookie.filter(line => line.startsWith(`${site.cookieName}=`))).toHaveLength(1)
      expect((await visitor.get('/read')).body).toBe('ann')
      if (mode.place === 'cookie') return
      expect((await visitor.get('/read')).setCookie).toEqual([])
    })

    it('promise 9: what is written after it is kept under the new id', async () => {
      const site = await open({
        routes: {
          ...routes,
          '/renew': async t => {
            await t.session.regenerate()
            t.session.note = 'after'
            return 'renewed'
          },
          '/note': read('note'),
        },
      })
      const visitor = await loggedIn(site)
      await visitor.get('/renew')
      expect((await visitor.get('/note')).body).toBe('after')
    })

    it('promise 9: of a session that was never written it makes one, and only one', async () => {
      const site = await open({ routes })
      const visitor = site.visitor()
      await visitor.get('/renew')
      expect(visitor.cookies.has(site.cookieName)).toBe(true)
      expect(site.store.size).toBe(mode.place === 'cookie' ? 0 : 1)
    })
  },
  keepsData,
)

table(
  storeModes,
  (open, mode) => {
    it('promise 9: when the promise is fulfilled, the id is a new one and the old one is dead', async () => {
      const ids: unknown[] = []
      const site = await open({
        routes: {
          ...routes,
          '/renew': async t => {
            ids.push(idOf(t.session))
            await t.session.regenerate()
            ids.push(idOf(t.session))
            const old = await site.visitor().get('/read', { headers: { cookie: t.req.headers.cookie } })
            return old.body
          },
        },
      })
      const visitor = await loggedIn(site)
      expect((await visitor.get('/renew')).body).toBe('nothing')
      expect(new Set(ids).size).toBe(2)
      expect(ids.every(id => typeof id === 'string' && id.length > 30)).toBe(true)
      expect(visitor.cookies.get(site.cookieName)).toContain(ids[1])
      expect((await visitor.get('/read')).body).toBe('ann')
    })

    it('promise 9: the calls and their order, and nothing more at the end of the request', async () => {
      const site = await open({ routes })
      const visitor = await loggedIn(site)
      const oldId = [...(site.store.target.records?.keys() ?? [])][0]
      await visitor.get('/renew')
      if (mode.place === 'memory') {
        expect(site.store.did()).toEqual(['load', 'replace'])
        return
      }
      const calls = site.store.calls.splice(0)
      expect(calls.map(call => call.method)).toEqual(['get', 'destroy', 'set'])
      expect(calls.map(call => call.args[0])).toEqual([oldId, oldId, visitor.cookies.get(site.cookieName)])
      expect(calls[2]?.args[0]).not.toBe(oldId)
    })

    it('promise 9: an id that a stranger planted is worth nothing afterwards', async () => {
      const site = await open({ routes })
      const stranger = await loggedIn(site)
      const victim = site.visitor()
      victim.take([...stranger.cookies].map(([name, value]) => `${name}=${value}`))
      await victim.get('/renew')
      expect((await stranger.get('/read')).body).toBe('nothing')
      await stranger.get('/set')
      expect((await victim.get('/read')).body).toBe('ann')
      expect(stranger.cookies.get(site.cookieName)).not.toBe(victim.cookies.get(site.cookieName))
    })

    it('promise 9: the store fails in the middle: a typed error and no cookie', async () => {
      const site = await open({ routes })
      const visitor = await loggedIn(site)
      const cause = new Error('down')
      site.store.fail(failingWrite(mode), cause)
      expect(await visitor.get('/renew')).toMatchObject({ status: 500, setCookie: [] })
      expect(site.errors).toMatchObject([{ code: 'HOLDFAST_STORE', cause }])
      site.store.heal()
      // Holdfast's stores do it in one step or not at all; a peer's has destroyed the old one by then.
      expect((await visitor.get('/read')).body).toBe(mode.place === 'memory' ? 'ann' : 'nothing')
    })

    it('promise 9: a handler that goes on after the failure has not changed the id in secret', async () => {
      const site = await open({
        routes: {
          ...routes,
          '/renew': async t => {
            const before = idOf(t.session)
            const failure = await t.session.regenerate().catch((error: Error) => error.name)
            return `${failure} ${before === idOf(t.session)}`
          },
        },
      })
      const visitor = await loggedIn(site)
      site.store.fail(failingWrite(mode), new Error('down'))
      expect(await visitor.get('/renew')).toMatchObject({ body: 'SessionStoreError true', setCookie: [] })
    })

    it('promise 9: of two that race one wins, and the other sends no cookie', async () => {
      const both = { first: gate(), second: gate() }
      const site = await open({
        routes: {
          ...routes,
          '/first': async t => {
            await both.first.pass()
            return renew(t)
          },
          '/second': async t => {
            await both.second.pass()
            return renew(t)
          },
        },
      })
      const visitor = await loggedIn(site)
      const [first, second] = [visitor.get('/first'), visitor.get('/second')]
      await Promise.all([both.first.reached, both.second.reached])
      // The winner is inside the store when the other one comes.
      const stop = site.store.stop(mode.place === 'map' ? 'destroy' : 'replace')
      both.first.open()
      await stop.reached
      both.second.open()
      if (mode.place === 'map') {
        // The loser sees at once that the id is being ended.
        expect((await second).setCookie).toEqual([])
        stop.open()
        expect((await first).setCookie.length).toBeGreaterThan(0)
      } else {
        // Here the one that was stopped in front of its work is the loser.
        expect((await second).setCookie.length).toBeGreaterThan(0)
        stop.open()
        expect((await first).setCookie).toEqual([])
      }
      expect((await visitor.get('/read')).body).toBe('ann')
      expect(site.store.size).toBe(mode.place === 'map' ? 1 : 2)
    })
  },
  keepsData,
)

table(
  holdfastStores,
  open => {
    it('promise 9: a save that landed between load and regenerate is not lost', async () => {
      const waiting = gate()
      const site = await open({
        routes: {
          ...routes,
          '/renew': async t => {
            t.session.mine = 1
            await waiting.pass()
            return renew(t)
          },
          '/all': t => JSON.stringify(t.session),
        },
      })
      const visitor = await loggedIn(site)
      const renewing = visitor.get('/renew')
      await waiting.reached
      await visitor.get('/set')
      waiting.open()
      await renewing
      expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ name: 'ann', note: 'set', mine: 1 })
    })
  },
  keepsData,
)

table(
  dropInModes,
  (open, mode) => {
    it('promise 9: with a callback, which is called when it has happened', async () => {
      const site = await open({
        routes: {
          ...routes,
          '/renew': t =>
            new Promise(resolve => {
              const before = t.session.externalKey
              const answer = t.session.regenerate((error: unknown) => {
                resolve(`${error} ${t.session.name} ${before !== t.session.externalKey}`)
              })
              if (answer !== undefined) resolve('a promise as well')
            }),
        },
      })
      const visitor = await loggedIn(site)
      expect((await visitor.get('/renew')).body).toBe(`undefined ann ${mode.place !== 'cookie'}`)
      expect((await visitor.get('/read')).body).toBe('ann')
    })

    it('promise 9: the callback gets the error', async () => {
      if (mode.place === 'cookie') return
      const site = await open({
        routes: { ...routes, '/renew': t => new Promise(resolve => t.session.regenerate((error: Error) => resolve(error?.name))) },
      })
      const visitor = await loggedIn(site)
      site.store.fail(failingWrite(mode), new Error('down'))
      expect(await visitor.get('/renew')).toMatchObject({ body: 'SessionStoreError', setCookie: [] })
    })
  },
  onKoa,
)
