// passport 0.6 and 0.7: each app once with express-session and then with Holdfast, to the letter.
import { MemoryStore } from 'holdfast/stores/memory'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { passportApp, passportVersions } from './passport-app.ts'
import { scripts } from './passport-scripts.ts'
import { converse, openSite, type Place, type Seen } from './stores/conversation.ts'
import { expressMajors, holdfast, type Library, peer } from './stores/libraries.ts'
import { openMemory } from './stores/places.ts'

const settings: [string, Loose][] = [
  ['as passport shows it', { resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }],
  ['as the peer does by default', { resave: true, saveUninitialized: true, cookie: { maxAge: 60_000 } }],
]

const memory = openMemory()
beforeEach(() => memory.clear())

/** Who was logged in at each look: what the comparisons below must not be equal in by chance. */
const usersOf = (seen: Seen[]) =>
  seen.flatMap(({ step, body = '' }) => (/^\w+ \/(\?|$)/.test(step) ? [`${step.split(' ')[0]}: ${JSON.parse(body).user ?? 'nobody'}`] : []))
const known: Record<string, string> = {
  'in and out': 'ada: nobody, ada: ada, thief: nobody, bob: bob, ada: nobody, thief: nobody, bob: bob, bob: nobody, thief: nobody',
  'with its data kept': 'ada: ada, thief: nobody, ada: nobody, thief: nobody, ada: ada, bob: bob, bob: nobody, bob: nobody, ada: nobody',
  refused: 'eve: nobody, eve: nobody, eve: nobody, ada: ada, new: nobody',
  'somebody else in the same browser': 'tab: nobody, both: bob, both: bob, both: nobody',
}

/** One store for all apps of a test. Nobody looks into it. */
const held = (): Place => {
  const store = new MemoryStore()
  return { store: () => store, records: async () => ({}) }
}

describe.each(expressMajors)('Express %i', major => {
  describe.each(passportVersions)('passport %s', version => {
    const app = passportApp(major, version)

    describe.each(settings)('%s', (_, options) => {
      it.each(Object.entries(scripts))("%s, with a peer's store", async (name, steps) => {
        const run = async (...libraries: Library[]): Promise<Seen[]> => {
          await memory.clear()
          return converse({ place: memory, libraries, steps, app, options })
        }
        const expected = await run(peer)
        expect(usersOf(expected).join(', ')).toBe(known[name])
        expect(await run(holdfast)).toEqual(expected)
        expect(await run(peer, holdfast)).toEqual(expected)
        expect(await run(holdfast, peer)).toEqual(expected)
      })
    })

    it.each(Object.entries(scripts))("%s, with Holdfast's store", async (_name, steps) => {
      const options = { resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }
      const seenBy = async (library: Library, place: Place) =>
        (await converse({ place, libraries: [library], steps, app, options })).map(({ records: _, ...seen }) => seen)
      expect(await seenBy(holdfast, held())).toEqual(await seenBy(peer, memory))
    })

    it.each([
      ["a peer's store", () => memory],
      ["Holdfast's store", held],
    ] as [string, () => Place][])('a login outlives the app: its next start, with %s', async (_name, makePlace) => {
      const place = makePlace()
      const site = { place, libraries: [holdfast], app, options: { resave: false, saveUninitialized: false } }
      const ada = (await openSite(site))()
      await ada.get('/login?username=ada&password=lovelace')
      const before = JSON.parse((await ada.get('/')).body)
      expect(before).toMatchObject({ user: 'ada', known: true })
      const again = (await openSite(site))()
      again.takeAllOf(ada)
      expect(JSON.parse((await again.get('/')).body)).toEqual(before)
      await again.get('/logout')
      expect(JSON.parse((await ada.get('/')).body)).toMatchObject({ known: false, data: {} })
    })

    it('a login in one tab while the other is on its way', async () => {
      const site = { place: held(), libraries: [holdfast], app, options: { resave: false, saveUninitialized: false } }
      const browser = (await openSite(site))()
      await browser.get('/set?theme=dark')
      const [login, ...others] = await Promise.all(
        ['/login-and-keep?username=ada&password=lovelace', '/', '/'].map(path => browser.get(path)),
      )
      expect(login?.status).toBe(302)
      for (const { status } of others) expect(status).toBe(200)
      expect(JSON.parse((await browser.get('/')).body)).toMatchObject({ user: 'ada', data: { theme: 'dark' } })
    })
  })
})
