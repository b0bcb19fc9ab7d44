import { idOf } from 'holdfast'
import { expect, it } from 'vitest'
import { gate, type Mode, read, renew, type Site, storeModes, type Turn, type Visitor, write } from './support.ts'
import { table } from './table.ts'

// express-session's `regenerate()` drops the data: the session ends, and an empty one with a new id is in its place.

const login = async (t: Turn) => {
  await t.session.regenerate()
  t.session.name = 'bob'
  return 'in'
}
const routes = { '/in': write({ name: 'ann' }), '/renew': renew, '/login': login, '/read': read('name'), '/set': write({ note: 'set' }) }

async function loggedIn(site: Site): Promise<Visitor> {
  const visitor = site.visitor()
  await visitor.get('/in')
  site.store.did()
  return visitor
}

const ends = ({ place }: Mode) => (place === 'map' ? 'destroy' : 'delete')
const begins = ({ place }: Mode) => (place === 'map' ? 'set' : 'create')

table(
  storeModes,
  (open, mode) => {
    it('promise 9: when the promise is fulfilled, the id is a new one, the old one is dead and the data are dropped', async () => {
      const ids: unknown[] = []
      const site: Site = await open({
        routes: {
          ...routes,
          '/renew': async t => {
            ids.push(idOf(t.session), t.req.sessionID)
            await t.session.regenerate()
            ids.push(idOf(t.session), t.req.sessionID)
            const old = await site.visitor().get('/read', { headers: { cookie: t.req.headers.cookie } })
            return `${old.body} ${t.session.name}`
          },
        },
      })
      const visitor = await loggedIn(site)
      expect((await visitor.get('/renew')).body).toBe('nothing undefined')
      expect(ids[0]).toBe(ids[1])
      expect(ids[2]).toBe(ids[3])
      expect(ids[0]).not.toBe(ids[2])
      expect((await visitor.get('/read')).body).toBe('nothing')
    })

    it('promise 9: a login after it is one new record under one new cookie, and nothing of the old one', async () => {
      const site = await open({ routes })
      const visitor = await loggedIn(site)
      const before = visitor.header()
      const answer = await visitor.get('/login')
      expect(answer.setCookie.filter(line => line.startsWith(`${site.cookieName}=`))).toHaveLength(1)
      expect(site.store.wrote()).toEqual([ends(mode), begins(mode)])
      expect(visitor.header()).not.toBe(before)
      expect((await visitor.get('/read')).body).toBe('bob')
      expect((await site.visitor().get('/read', { headers: { cookie: before } })).body).toBe('nothing')
    })

    it('promise 9: with a callback, which is called when it has happened', async () => {
      const site = await open({
        routes: {
          ...routes,
          '/renew': t =>
            new Promise(resolve => {
              const before = t.session
              const answer = before.regenerate((error: unknown) => {
                resolve(`${error} ${t.session.name} ${before === t.session} ${answer === before}`)
              })
            }),
        },
      })
      const visitor = await loggedIn(site)
      expect((await visitor.get('/renew')).body).toBe('undefined undefined false true')
      expect(site.store.wrote()).toEqual([ends(mode), begins(mode)])
    })

    it('promise 9: an id that a stranger planted is worth nothing after the login', async () => {
      const site = await open({ routes })
      const stranger = await loggedIn(site)
      const victim = site.visitor()
      victim.take([...stranger.cookies].map(([name, value]) => `${name}=${value}`))
      await victim.get('/login')
      expect((await stranger.get('/read')).body).toBe('nothing')
      await stranger.get('/set')
      expect((await victim.get('/read')).body).toBe('bob')
      expect(stranger.cookies.get(site.cookieName)).not.toBe(victim.cookies.get(site.cookieName))
    })

    it('promise 9: where the old session cannot be ended, promise and callback say so, and the answer is no success', async () => {
      const site = await open({
        routes: {
          ...routes,
          '/callback': t => new Promise((_resolve, reject) => t.session.regenerate(reject)),
        },
      })
      const cause = new Error('down')
      for (const path of ['/renew', '/callback']) {
        const visitor = await loggedIn(site)
        site.store.fail(ends(mode), cause)
        expect(await visitor.get(path)).toMatchObject({ status: 500 })
        expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_STORE', cause })
        site.store.heal()
      }
    })

    it('promise 9: of two that race each gets a session of its own, and the old id leads to neither', async () => {
      const doors = { '/first': gate(), '/second': gate() }
      const racing = (door: { pass(): Promise<void> }, name: string) => async (t: Turn) => {
        await door.pass()
        await t.session.regenerate()
        t.session.name = name
        return name
      }
      const site = await open({
        routes: { ...routes, '/first': racing(doors['/first'], 'first'), '/second': racing(doors['/second'], 'second') },
      })
      const visitor = await loggedIn(site)
      const old = visitor.header()
      const [first, second] = [site.visitor(), site.visitor()]
      for (const racer of [first, second]) racer.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
      const answers = [first.get('/first'), second.get('/second')]
      await Promise.all([doors['/first'].reached, doors['/second'].reached])
      doors['/first'].open()
      doors['/second'].open()
      await Promise.all(answers)
      expect([(await first.get('/read')).body, (await second.get('/read')).body]).toEqual(['first', 'second'])
      expect((await site.visitor().get('/read', { headers: { cookie: old } })).body).toBe('nothing')
    })
  },
  (driver, mode) => !driver.keepsDataWithNewId(mode),
)
