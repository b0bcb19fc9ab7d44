import { login, signalOf } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import {
  dropInMap,
  dropInMemory,
  gate,
  nativeCookie,
  nativeMemory,
  type Setup,
  type Site,
  type Turn,
  until,
  type Visitor,
  Watch,
} from './support.ts'
import { table } from './table.ts'

const MINUTE = 60_000

/** The manager, or the drop-in's middleware: both have the same methods. */
const people = (site: Site): Loose => site.sessions ?? site.middleware

for (const mode of [nativeMemory, dropInMemory]) {
  table([mode], open => {
    const begin = async (more: Setup['routes'] = {}, native: Loose = {}) => {
      let site: Site
      const routes: Setup['routes'] = {
        '/in/ann': t => login(t.session, 'ann').then(() => 'in'),
        '/in/bob': t => login(t.session, 'bob').then(() => 'in'),
        '/who': async t => JSON.stringify(await people(site).list('ann', { current: t.session })),
        '/others': async t => String(await people(site).revokeAll('ann', { except: t.session })),
        '/page': async t => JSON.stringify(await people(site).list({ current: t.session })),
        '/read': t => String(t.session.n ?? 'nothing'),
        '/write': t => {
          t.session.n = 1
          return 'written'
        },
        ...more,
      }
      site = await open({ routes, native, store: new Watch(new MemoryStore()) })
      const enter = async (who: string): Promise<Visitor> => {
        const visitor = site.visitor()
        expect((await visitor.get(`/in/${who}`)).body).toBe('in')
        await visitor.get('/write')
        return visitor
      }
      return { site, enter, people: people(site) }
    }
    const lives = async (visitor: Visitor) => (await visitor.get('/read')).body === '1'
    const ownHandle = async (visitor: Visitor): Promise<string> =>
      JSON.parse((await visitor.get('/who')).body).find((one: Loose) => one.current).handle

    it('promise 16: of the sessions of a user the one in hand is marked', async () => {
      const { enter } = await begin()
      const [first, second] = [await enter('ann'), await enter('ann')]
      const bob = await enter('bob')
      const marks = async (visitor: Visitor) => JSON.parse((await visitor.get('/who')).body).map(({ current }: Loose) => current)
      expect([await marks(first), await marks(second)]).toEqual([
        [true, false],
        [false, true],
      ])
      // A session of somebody else is none of hers, and one that is nobody's neither.
      expect(await marks(bob)).toEqual([false, false])
    })

    it('promise 16: one session is ended by its handle, the others of the user stay', async () => {
      const { enter, people } = await begin()
      const [first, second, third] = [await enter('ann'), await enter('ann'), await enter('ann')]
      expect(await people.revoke('ann', await ownHandle(second))).toBe(true)
      expect([await lives(first), await lives(second), await lives(third)]).toEqual([true, false, true])
      expect(await people.list('ann')).toHaveLength(2)
      expect((await second.get('/read')).body).toBe('nothing')
    })

    it('H23: a handle of another user, an unknown and a malformed one are not found, and end nobody’s session', async () => {
      const { site, enter, people } = await begin()
      const [ann, bob] = [await enter('ann'), await enter('bob')]
      const [{ handle }] = await people.list('bob')
      const others = [
        handle,
        'A'.repeat(22),
        '',
        'x',
        '../x',
        `${handle}x`,
        '\0',
        undefined,
        null,
        7,
        {},
        [handle],
        { toString: () => handle },
      ]
      for (const other of others) expect(await people.revoke('ann', other), String(other)).toBe(false)
      // What no handle looks like is not even looked up.
      site.store.did()
      await people.revoke('ann', 'x')
      expect(site.store.did()).toEqual([])
      expect([await lives(ann), await lives(bob)]).toEqual([true, true])
      expect(await people.revoke('bob', handle)).toBe(true)
      expect(await people.revoke('bob', handle)).toBe(false)
    })

    it('H23: a handle is written nowhere in the store, and stays the same through writes', async () => {
      const { site, enter, people } = await begin()
      const ann = await enter('ann')
      const [{ handle }] = await people.list('ann')
      const seen = JSON.stringify((await site.store.target.list()).records)
      expect(seen).not.toContain(handle)
      await ann.get('/write')
      expect((await people.list('ann'))[0].handle).toBe(handle)
    })

    it('promise 16: a request under way does not bring back what was ended by its handle', async () => {
      const door = gate()
      const { enter, people } = await begin({
        '/late': async t => {
          void t.session.n
          await door.pass()
          t.session.n = 2
          return 'late'
        },
      })
      const ann = await enter('ann')
      const handle = await ownHandle(ann)
      const late = ann.get('/late')
      await door.reached
      expect(await people.revoke('ann', handle)).toBe(true)
      door.open()
      expect(await late).toMatchObject({ setCookie: [] })
      expect(await lives(ann)).toBe(false)
      expect(await people.list('ann')).toEqual([])
    })

    it('promise 16: an answer that stays open is ended with its session at once, that of another session is not', async () => {
      const opened: AbortSignal[] = []
      const { enter, people } = await begin({
        '/open': t => {
          opened.push(signalOf(t.session))
          t.takeOver()
          t.res.writeHead(200)
          t.res.write('open')
        },
      })
      const [first, second] = [await enter('ann'), await enter('ann')]
      const handle = await ownHandle(first)
      for (const visitor of [first, second]) void visitor.get('/open')
      await until(async () => opened.length === 2)
      expect(await people.revoke('ann', handle)).toBe(true)
      await until(async () => opened[0]?.aborted === true)
      expect(opened[0]?.reason).toMatchObject({ code: 'HOLDFAST_ENDED', reason: 'revoked' })
      expect(opened[1]?.aborted).toBe(false)
    })

    it('promise 16: revokeAll with except ends all others, and a copy of this one’s cookie', async () => {
      const { site, enter, people } = await begin()
      const [first, second, bob] = [await enter('ann'), await enter('ann'), await enter('bob')]
      const copy = site.visitor()
      copy.take([...first.cookies].map(([name, value]) => `${name}=${value}`))
      const handle = await ownHandle(first)
      expect((await first.get('/others')).body).toBe('1')
      expect([await lives(first), await lives(second), await lives(bob), await lives(copy)]).toEqual([true, false, true, false])
      expect((await people.list('ann')).map((one: Loose) => one.handle)).toEqual([handle])
      // And once more, and then it may log out everywhere itself.
      expect((await first.get('/others')).body).toBe('0')
      expect(await people.revokeAll('ann')).toBe(1)
      expect(await lives(first)).toBe(false)
    })

    it('H7: revokeAll with except ends a login under way whose password was checked before it', async () => {
      const door = gate()
      const { enter, site } = await begin({
        '/slow': async t => {
          void t.session.n
          await door.pass()
          await login(t.session, 'ann')
          return 'in'
        },
      })
      const ann = await enter('ann')
      const thief = site.visitor()
      const slow = thief.get('/slow')
      await door.reached
      expect((await ann.get('/others')).body).toBe('0')
      door.open()
      expect(await slow).toMatchObject({ status: 409, setCookie: [] })
      expect(await lives(ann)).toBe(true)
    })

    it('promise 16: except must be a session of that user', async () => {
      const refused: string[] = []
      const { site, enter, people } = await begin({
        '/wrong': async t => {
          for (const [userId, except] of [
            ['bob', t.session],
            ['ann', {}],
            ['ann', null],
            ['ann', 'x'],
          ] as const)
            await people.revokeAll(userId, { except }).catch((error: Error) => refused.push(error.constructor.name))
          return 'tried'
        },
        '/guest': async t => {
          await people.revokeAll('ann', { except: t.session }).catch((error: Error) => refused.push(error.message))
          return 'tried'
        },
      })
      const [ann, bob] = [await enter('ann'), await enter('bob')]
      await ann.get('/wrong')
      expect(refused.splice(0)).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError'])
      await site.visitor().get('/guest')
      expect(refused).toEqual(['revokeAll: except must be a session of this user, as the handler got it'])
      await expect(people.revokeAll('ann', { but: {} })).rejects.toThrow(/there is no option "but"/)
      expect([await lives(ann), await lives(bob)]).toEqual([true, true])
    })

    it('promise 16: who runs the site counts and lists the sessions of all its users, page by page', async () => {
      const { site, enter, people } = await begin()
      const visitors = [await enter('ann'), await enter('ann'), await enter('bob')]
      // Guests are nobody's, and what is kept of users who were logged out everywhere is no session.
      await site.visitor().get('/write')
      await people.revokeAll('carl')
      expect(await people.count()).toBe(3)
      const { sessions, cursor } = JSON.parse((await (visitors[1] as Visitor).get('/page')).body)
      expect([sessions.map((one: Loose) => one.userId).sort(), cursor]).toEqual([['ann', 'ann', 'bob'], null])
      expect(sessions.filter((one: Loose) => one.current)).toHaveLength(1)
      const found: Loose[] = []
      let next: string | null | undefined
      for (let pages = 0; next !== null && pages < 20; pages++) {
        const page: Loose = await people.list({ limit: 1, ...(next !== undefined && { cursor: next }) })
        found.push(...page.sessions)
        next = page.cursor
      }
      expect(next).toBe(null)
      const handles = (list: Loose[]) => list.map(({ userId, handle }) => `${userId} ${handle}`).sort()
      expect(handles(found)).toEqual(handles(sessions))
      for (const { userId, handle } of found) expect(await people.revoke(userId, handle)).toBe(true)
      expect([await people.count(), await lives(visitors[0] as Visitor)]).toEqual([0, false])
    })

    it('promise 16: nothing is no page: who asks for the sessions of nobody is refused', async () => {
      const { people } = await begin()
      for (const nobody of [undefined, null, '', 7]) await expect(people.list(nobody)).rejects.toMatchObject({ code: 'HOLDFAST_DATA' })
      for (const wrong of [{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { limit: '5' }, { cursor: 7 }, { cursor: 'a\0' }, { page: 2 }])
        await expect(people.list(wrong), JSON.stringify(wrong)).rejects.toThrow(TypeError)
      await expect(people.list('ann', { except: {} })).rejects.toThrow(/there is no option "except"/)
    })
  })
}

table([nativeMemory], open => {
  it('H23: a handle goes on through rotated ids, also where one is made while the session is being ended', async () => {
    let time = Date.now()
    const site = await open({
      routes: {
        '/in': (t: Turn) => t.session.login('ann').then(() => 'in'),
        '/read': t => String(t.session.n ?? 'nothing'),
        '/renew': t => t.session.regenerate().then(() => 'renewed'),
        '/again': t => t.session.reauthenticated().then(() => 'again'),
        '/who': async t => JSON.stringify(await site.sessions.list('ann', { current: t.session })),
      },
      native: { rotate: { every: '15m', grace: '30s' }, now: () => time },
      store: new Watch(new MemoryStore({ now: () => time })),
    })
    const ann = site.visitor()
    await ann.get('/in')
    const [{ handle }] = await site.sessions.list('ann')
    for (const path of ['/renew', '/again']) {
      await ann.get(path)
      expect(
        (await site.sessions.list('ann')).map((one: Loose) => one.handle),
        path,
      ).toEqual([handle])
    }
    time += 16 * MINUTE
    const before = ann.header()
    await ann.get('/read')
    expect(ann.header()).not.toBe(before)
    expect(JSON.parse((await ann.get('/who')).body)).toMatchObject([{ handle, current: true }])
    // The list is read, and before the record of the list is ended its id is renewed.
    time += 16 * MINUTE
    const door = site.store.stop('delete')
    const revoking = site.sessions.revoke('ann', handle)
    await door.reached
    await ann.get('/read')
    door.open()
    expect(await revoking).toBe(true)
    expect(await site.sessions.list('ann')).toEqual([])
    expect(JSON.parse((await ann.get('/who')).body)).toEqual([])
  })

  it('promise 16: a session that began before logins had names has a handle, too, as long as its id is the same', async () => {
    const site = await open({ routes: { '/in': (t: Turn) => t.session.login('ann').then(() => 'in'), '/who': t => String(t.session.n) } })
    const ann = site.visitor()
    await ann.get('/in')
    const [record] = (await site.store.target.list()).records
    await site.store.target.save({ ...record, version: 'another version', meta: undefined }, record.version)
    const [listed] = await site.sessions.list('ann')
    expect(listed).toMatchObject({ handle: expect.stringMatching(/^[\w-]{22}$/), device: undefined })
    expect(await site.sessions.revoke('ann', listed.handle)).toBe(true)
    expect(await site.sessions.list('ann')).toEqual([])
  })

  it('promise 16: a session of another site is no exception, and its users are none of this one’s', async () => {
    const store = new Watch(new MemoryStore())
    const routes = (of: () => Site): Setup['routes'] => ({
      '/in': t => t.session.login('ann').then(() => 'in'),
      '/others': async t => String(await of().sessions.revokeAll('ann', { except: t.session })),
    })
    const one: Site = await open({ routes: routes(() => two), store, native: { scope: 'one' } })
    const two: Site = await open({ routes: routes(() => two), store, native: { scope: 'two' } })
    const visitor = one.visitor()
    await visitor.get('/in')
    await two.visitor().get('/in')
    expect((await visitor.get('/others')).status).toBe(500)
    expect(one.errors.at(-1)).toBeInstanceOf(TypeError)
    expect([await one.sessions.count(), await two.sessions.count()]).toEqual([1, 1])
    const [[mine], [theirs]] = [await one.sessions.list('ann'), await two.sessions.list('ann')]
    expect(await one.sessions.revoke('ann', theirs.handle)).toBe(false)
    expect((await one.sessions.list({ limit: 100 })).sessions.map((listed: Loose) => listed.handle)).toEqual([mine.handle])
  })
})

table([nativeCookie], open => {
  it('promise 16: nobody can list, count or end single sessions in cookies', async () => {
    const site = await open({ routes: {}, native: { revocations: new MemoryStore() } })
    for (const asked of [
      site.sessions.list('ann'),
      site.sessions.list({ limit: 100 }),
      site.sessions.count(),
      site.sessions.revoke('ann', 'A'.repeat(22)),
    ])
      await expect(asked).rejects.toThrow(/needs the sessions in a store/)
  })

  it('promise 16: with revocations revokeAll with except leaves the session in hand', async () => {
    const site: Site = await open({
      routes: {
        '/in': t => t.session.login('ann').then(() => 'in'),
        '/others': async t => String(await site.sessions.revokeAll('ann', { except: t.session })),
        '/who': t => String(t.session.n ?? 'nothing'),
        '/write': t => {
          t.session.n = 1
          return 'written'
        },
      },
      native: { revocations: new MemoryStore() },
    })
    const [first, second] = [site.visitor(), site.visitor()]
    for (const visitor of [first, second]) {
      await visitor.get('/in')
      await visitor.get('/write')
    }
    expect((await first.get('/others')).body).toBe('0')
    expect([(await first.get('/who')).body, (await second.get('/who')).body]).toEqual(['1', 'nothing'])
  })
})

table([dropInMap], open => {
  it('promise 16: a store without an index knows neither users nor their devices', async () => {
    const site = await open({ routes: {} })
    for (const asked of [site.middleware.list({ limit: 100 }), site.middleware.count(), site.middleware.revoke('ann', 'A'.repeat(22))])
      await expect(asked).rejects.toThrow(/Holdfast's stores/)
    await expect(open({ options: { device: true }, routes: {} })).rejects.toThrow(/^device needs a store/)
  })
})
