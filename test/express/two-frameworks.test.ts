// One `createSessions(…)` handed to Koa and to Express, side by side behind one domain: they share the cookie, the record and the user.
import { createSessions } from 'holdfast'
import express from 'holdfast/express'
import koa from 'holdfast/koa'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { gate } from '../promises/watch.ts'
import { createApp as createKoa, koaMajors, type Loose } from '../support/subjects.ts'
import { Browser, serve } from './stores/conversation.ts'
import { createApp as createExpress, expressMajors } from './stores/libraries.ts'

/** A request of either framework. */
interface Turn {
  session: Loose
  query: Record<string, string>
}
type Handler = (turn: Turn) => unknown

const everywhere: Record<string, Handler> = {
  '/read': ({ session }) => ({ ...session }),
  '/ask': turn => (turn.session ? 'there' : 'null'),
  '/login': async ({ session, query }) => {
    await session.regenerate()
    session.user = query.user
    return 'in'
  },
  '/set': ({ session, query }) => void Object.assign(session, query),
  '/add': ({ session }) =>
    session.update((draft: Loose) => {
      draft.count = (draft.count ?? 0) + 1
    }),
  '/regenerate': ({ session }) => session.regenerate(),
  '/reload': ({ session }) => session.reload(),
  '/destroy': ({ session }) => session.destroy(),
  '/logout': turn => {
    turn.session = null
  },
}

interface Town {
  sessions: Loose
  /** Both frameworks' middleware. */
  middlewares: Loose[]
  browser(): { koa(path: string): Promise<Loose>; express(path: string): Promise<Loose>; own: Browser }
}

async function open(koaMajor: 2 | 3, expressMajor: 4 | 5, options: Loose, more: Record<string, Handler> = {}): Promise<Town> {
  const routes = { ...everywhere, ...more }
  const sessions: Loose = createSessions({ keys: ['of the test, long enough 0123456789'], ...options })

  const one = createKoa(koaMajor)
  one.silent = true
  const onKoa: Loose = koa(sessions, one)
  one.use(onKoa)
  one.use(async (ctx: Loose) => {
    ctx.body = JSON.stringify((await routes[ctx.path]?.(ctx)) ?? 'done')
  })

  const other = createExpress(expressMajor)
  const onExpress = express(sessions)
  other.use(onExpress)
  other.use((req: Loose, res: Loose, next: Loose) => {
    Promise.resolve(routes[req.path]?.(req)).then(body => res.send(JSON.stringify(body ?? 'done')), next)
  })

  const ports = [(await serve(one.callback())).port, (await serve(other)).port]
  return {
    sessions,
    middlewares: [onKoa, onExpress],
    browser() {
      const own = new Browser(ports)
      const ask = (turn: number) => async (path: string) => {
        const { status, body } = await own.get(path, turn)
        expect(status, `${path}: ${body}`).toBe(200)
        return JSON.parse(body)
      }
      return { own, koa: ask(0), express: ask(1) }
    },
  }
}

const pairs = koaMajors.flatMap(koaMajor => expressMajors.map(expressMajor => [koaMajor, expressMajor] as const))
const stored = () => ({ store: new MemoryStore(), user: (data: Loose) => data.user })

describe.each(pairs)('Koa %i and Express %i', (koaMajor, expressMajor) => {
  describe.each([
    ['a store', stored],
    ['the cookie', () => ({})],
  ] as [string, () => Loose][])('sessions in %s', (_, options) => {
    it('a login in Koa is known in Express, and its logout in Koa', async () => {
      const ada = (await open(koaMajor, expressMajor, options())).browser()
      await ada.koa('/login?user=ada')
      expect(ada.own.header()).toMatch(/^[^=]+=[^;]+$/)
      expect(await ada.express('/read')).toEqual({ user: 'ada' })
      await ada.express('/set?theme=dark')
      expect(await ada.koa('/read')).toEqual({ user: 'ada', theme: 'dark' })
      await ada.express('/logout')
      expect(ada.own.header()).toBe('')
      expect(await ada.koa('/read')).toEqual({})
    })

    it('a login in Express is known in Koa, and its end in Express', async () => {
      const ada = (await open(koaMajor, expressMajor, options())).browser()
      await ada.express('/login?user=ada')
      expect(await ada.koa('/read')).toEqual({ user: 'ada' })
      await ada.koa('/destroy')
      expect(ada.own.header()).toBe('')
      expect(await ada.express('/read')).toEqual({})
    })

    it('update() and regenerate() on both sides', async () => {
      const ada = (await open(koaMajor, expressMajor, options())).browser()
      await ada.koa('/login?user=ada')
      for (const side of ['koa', 'express', 'express', 'koa'] as const) await ada[side]('/add')
      await ada.koa('/regenerate')
      expect(await ada.express('/read')).toEqual({ user: 'ada', count: 4 })
      await ada.express('/regenerate')
      expect(await ada.koa('/read')).toEqual({ user: 'ada', count: 4 })
    })

    it('load() of either middleware, and of the manager', async () => {
      const town = await open(koaMajor, expressMajor, options())
      const ada = town.browser()
      await ada.koa('/login?user=ada')
      const request = { headers: { cookie: ada.own.header() } }
      const loaded = await Promise.all([town.sessions, ...town.middlewares].map(each => each.load(request)))
      expect(loaded).toEqual([{ user: 'ada' }, { user: 'ada' }, { user: 'ada' }])
    })
  })

  it('no update of either side is lost when they come at once', async () => {
    const ada = (await open(koaMajor, expressMajor, stored())).browser()
    await ada.koa('/login?user=ada')
    await Promise.all(Array.from({ length: 10 }, () => [ada.koa('/add'), ada.express('/add')]).flat())
    expect(await ada.koa('/read')).toEqual({ user: 'ada', count: 20 })
    expect(await ada.express('/read')).toEqual({ user: 'ada', count: 20 })
  })

  it('an id that one side has replaced is dead on the other', async () => {
    const town = await open(koaMajor, expressMajor, stored())
    const told: string[] = []
    town.sessions.on('session:gone', () => told.push('the manager'))
    town.middlewares[1].on('session:gone', () => told.push('the middleware'))
    for (const [one, other] of [
      ['koa', 'express'],
      ['express', 'koa'],
    ] as const) {
      const [ada, thief] = [town.browser(), town.browser()]
      await ada[one]('/login?user=ada')
      thief.own.takeAllOf(ada.own)
      expect(await thief[other]('/read')).toEqual({ user: 'ada' })
      await ada[one]('/regenerate')
      expect(await thief[other]('/read')).toEqual({})
      // Once for each listener, whichever side it was.
      expect(told.splice(0)).toEqual(['the manager', 'the middleware'])
      expect(await ada[other]('/read')).toEqual({ user: 'ada' })
    }
  })

  it('a handler that Koa has not finished does not bring back what Express has ended, and the other way round', async () => {
    const stop = { current: gate() }
    const late: Handler = async ({ session }) => {
      const { user } = session
      await stop.current.pass()
      session.late = user
    }
    const town = await open(koaMajor, expressMajor, stored(), { '/late': late })
    for (const turn of [0, 1]) {
      stop.current = gate()
      const ada = town.browser()
      await ada.koa('/login?user=ada')
      const tab = town.browser()
      tab.own.takeAllOf(ada.own)
      const answer = tab.own.get('/late', turn)
      await stop.current.reached
      await ada[turn === 0 ? 'express' : 'koa']('/logout')
      stop.current.open()
      await answer
      expect(await town.sessions.list('ada')).toEqual([])
      expect(await tab.koa('/read')).toEqual({})
      expect(await tab.express('/read')).toEqual({})
    }
  })

  it('logged out everywhere: on every device, in both frameworks, and nobody else', async () => {
    const town = await open(koaMajor, expressMajor, stored())
    const [phone, desk, bob] = [town.browser(), town.browser(), town.browser()]
    await phone.koa('/login?user=ada')
    await desk.express('/login?user=ada')
    await bob.express('/login?user=bob')
    expect(await town.sessions.list('ada')).toHaveLength(2)
    expect(await town.sessions.revokeAll('ada')).toBe(2)
    for (const device of [phone, desk]) {
      expect(await device.koa('/read')).toEqual({})
      expect(await device.express('/read')).toEqual({})
    }
    expect(await bob.koa('/read')).toEqual({ user: 'bob' })
  })

  it('a logout in cookie mode clears the cookie, and ends no copy of it', async () => {
    const town = await open(koaMajor, expressMajor, {})
    const [ada, thief] = [town.browser(), town.browser()]
    await ada.koa('/login?user=ada')
    thief.own.takeAllOf(ada.own)
    await ada.express('/logout')
    expect(await ada.koa('/read')).toEqual({})
    expect(await thief.koa('/read')).toEqual({ user: 'ada' })
    expect(await thief.express('/read')).toEqual({ user: 'ada' })
  })
})
