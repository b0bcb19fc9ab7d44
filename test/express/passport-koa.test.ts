// koa-passport on koa-session and on Holdfast: each conversation by both, and by each that takes over from the other.
import { createRequire } from 'node:module'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { MapStore } from '../promises/watch.ts'
import {
  createApp,
  type KoaMajor,
  koaMajors,
  type Loose,
  holdfast as onHoldfast,
  peer as onPeer,
  type Subject,
} from '../support/subjects.ts'
import { configured, userNamed } from './passport-app.ts'
import { converse, openSite, type Place, type Seen, type Step } from './stores/conversation.ts'

const { KoaPassport } = createRequire(import.meta.url)('koa-passport')

function passportApp(major: KoaMajor) {
  return (session: Loose, { genid, store }: Loose): Loose => {
    const passport = configured(new KoaPassport())
    const app = createApp(major)
    app.silent = true
    app.keys = ['of the test']
    app.use(session({ maxAge: 60_000, ...(store && { store, genid }) }, app))
    app.use(passport.initialize())
    app.use(passport.session())
    const local = (options: object) => passport.authenticate('local', { successRedirect: '/', failureRedirect: '/?failed', ...options })
    const routes: Record<string, (ctx: Loose, next: Loose) => unknown> = {
      '/': ctx => {
        ctx.body = { user: ctx.state.user?.name, known: ctx.isAuthenticated(), id: ctx.session.externalKey, data: ctx.session.toJSON() }
      },
      '/set': ctx => {
        Object.assign(ctx.session, ctx.query)
        ctx.body = 'set'
      },
      '/login': local({}),
      '/login-and-keep': local({ keepSessionInfo: true }),
      '/login-or-401': passport.authenticate('local'),
      '/login-by-hand': async ctx => {
        await ctx.login(userNamed(ctx.query.username), { keepSessionInfo: ctx.query.keep === 'yes' })
        ctx.body = ctx.state.user.name
      },
      '/logout': async ctx => {
        await ctx.logout()
        ctx.redirect('/')
      },
      '/logout-and-keep': async ctx => {
        await ctx.logout({ keepSessionInfo: true })
        ctx.redirect('/')
      },
      '/leave': ctx => {
        ctx.session = null
        ctx.redirect('/')
      },
    }
    app.use((ctx: Loose, next: Loose) => routes[ctx.path]?.(ctx, next))
    return app.callback()
  }
}

const ada = 'username=ada&password=lovelace'
const bob = 'username=bob&password=builder'

const scripts: Record<string, readonly Step[]> = {
  'in and out': [
    ['ada', '/'],
    ['ada', '/set?theme=dark'],
    { copy: ['ada', 'thief'] },
    ['ada', `/login?${ada}`],
    ['ada', '/'],
    ['thief', '/'],
    ['bob', `/login-by-hand?${bob}`],
    { copy: ['ada', 'thief'] },
    ['ada', '/logout'],
    ['ada', '/'],
    ['thief', '/'],
    ['bob', '/'],
    ['bob', `/login-by-hand?${ada}`],
    ['bob', '/'],
    { copy: ['bob', 'thief'] },
    ['bob', '/leave'],
    ['bob', '/'],
    ['thief', '/'],
  ],
  'with its data kept': [
    ['ada', '/set?theme=dark'],
    ['ada', `/login-and-keep?${ada}`],
    ['ada', '/'],
    { copy: ['ada', 'thief'] },
    ['ada', '/logout-and-keep'],
    ['ada', '/'],
    ['thief', '/'],
    ['bob', '/set?theme=light'],
    ['bob', `/login-by-hand?keep=yes&${bob}`],
    { pass: 40_000 },
    ['bob', '/'],
    { pass: 40_000 },
    ['bob', '/'],
  ],
  refused: [
    ['eve', '/login?username=ada&password=wrong'],
    ['eve', '/'],
    ['eve', '/login-or-401?username=ada&password=wrong'],
    ['eve', '/login?username=breaks&password=it'],
    ['ada', `/login?${ada}`],
    ['ada', '/login?username=ada&password=wrong'],
    ['ada', '/'],
  ],
}

const inCookies: Place = { store: () => undefined, records: async () => ({}) }

function inMap(): Place {
  const store = new MapStore()
  return { store: () => store, records: async () => Object.fromEntries([...store.records].sort()) }
}

const held = (): Place => {
  const store = new MemoryStore()
  return { store: () => store, records: async () => ({}) }
}

describe.each(koaMajors)('Koa %i', major => {
  const app = passportApp(major)
  const run = (makePlace: () => Place, steps: readonly Step[], ...libraries: Subject[]): Promise<Seen[]> =>
    converse({ place: makePlace(), libraries, steps, app })

  describe.each([
    ['cookies', () => inCookies],
    ["a peer's store", inMap],
  ] as [string, () => Place][])('sessions in %s', (_, makePlace) => {
    it.each(Object.entries(scripts))('%s', async (_name, steps) => {
      const expected = await run(makePlace, steps, onPeer)
      expect(await run(makePlace, steps, onHoldfast)).toEqual(expected)
      expect(await run(makePlace, steps, onPeer, onHoldfast)).toEqual(expected)
      expect(await run(makePlace, steps, onHoldfast, onPeer)).toEqual(expected)
    })
  })

  it.each(Object.entries(scripts))("%s, with Holdfast's store", async (_name, steps) => {
    // Ids are its own affair: it makes none for who brings a dead one.
    const essence = (seen: Seen[]) =>
      seen.map(({ step, status, location, setCookie, body = '' }) => [
        step,
        status,
        location,
        setCookie?.map(line => line.replace(/=[^;]+/, '')),
        body.replace(/"id":"[^"]*",/, ''),
      ])
    expect(essence(await run(held, steps, onHoldfast))).toEqual(essence(await run(inMap, steps, onPeer)))
  })

  it.each([
    ['cookies', () => inCookies],
    ["a peer's store", inMap],
    ["Holdfast's store", held],
  ] as [string, () => Place][])('a login outlives the app, with sessions in %s', async (_name, makePlace) => {
    const site = { place: makePlace(), libraries: [onHoldfast], app }
    const browser = (await openSite(site))()
    await browser.get(`/login?${ada}`)
    const before = JSON.parse((await browser.get('/')).body)
    expect(before).toMatchObject({ user: 'ada', known: true })
    const again = (await openSite(site))()
    again.takeAllOf(browser)
    expect(JSON.parse((await again.get('/')).body)).toEqual(before)
  })
})
