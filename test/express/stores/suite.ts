// What every published store must do with Holdfast: the same as with express-session.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { full } from '../../support/full.ts'
import type { Loose } from '../../support/subjects.ts'
import { routesApp } from './app.ts'
import { type Browser, converse, openSite, type Seen } from './conversation.ts'
import { expressMajors, holdfast, type Library, peer } from './libraries.ts'
import type { OpenPlace } from './places.ts'
import { known, scripts, usersOf } from './scripts.ts'
import { nameOf, settingsFor } from './settings.ts'

const lines: [string, Library[], Library?][] = [
  ['alone', [holdfast]],
  ["alone, the store made from express-session's Store", [holdfast], peer],
  ['taking over from express-session and back', [peer, holdfast]],
  ['handing over to express-session and back', [holdfast, peer]],
]

interface Differences {
  /** All combinations of options, also where the other stores play a choice. */
  all?: boolean
  /** Where a store makes the peer say more than its options do, what is compared all the same. */
  compared?: (seen: Seen[], options: Loose) => Seen[]
}

/** `open`: the database of a test file. */
export function behavesAsWithThePeer<P extends OpenPlace>(open: () => P | Promise<P>, differences: Differences = {}): () => P {
  const { all = false, compared = seen => seen } = differences
  let place: P
  beforeAll(async () => {
    place = await open()
  })
  afterAll(() => place?.close())
  beforeEach(() => place.clear())

  describe.each(expressMajors)('on Express %i', major => {
    describe.each(settingsFor(major, all).map(options => [nameOf(options), options] as const))('%s', (_, options) => {
      it.each(Object.entries(scripts))('%s', async (name, steps) => {
        const run = async (libraries: Library[], given?: Library): Promise<Seen[]> => {
          await place.clear()
          return compared(await converse({ place, libraries, steps, app: routesApp(major), options, ...(given && { given }) }), options)
        }
        const expected = await run([peer])
        // Equal in failing would be equal, too.
        if (options.cookie && !options.unset) expect(known[name]).toContain(usersOf(expected))
        for (const [line, libraries, given] of full ? lines : lines.slice(1)) expect(await run(libraries, given), line).toEqual(expected)
      })
    })

    it.each([
      ['Holdfast alone', [holdfast]],
      ['both libraries at once', [holdfast, peer]],
    ] as [string, Library[]][])('many visitors at once, on %s', async (_name, libraries) => {
      const options = { resave: false, saveUninitialized: false }
      const visitor = await openSite({ place, libraries, app: routesApp(major), options })
      const names = Array.from({ length: 12 }, (_, index) => `user${index}`)
      const browsers = names.map(() => visitor())
      const ended = await Promise.all(browsers.map((browser, index) => visit(browser, names[index] as string)))
      expect(ended.map(({ data }) => data)).toEqual(names.map(user => ({ user, count: 4 })))
      const ids = ended.map(({ id }) => id)
      expect(Object.keys(await place.records())).toEqual([...ids].sort())
      // One after the other leaves; nobody else does.
      for (const [index, browser] of browsers.entries()) {
        if (index % 2 === 0) await browser.get('/destroy')
      }
      const left = await Promise.all(browsers.map(async browser => JSON.parse((await browser.get('/read')).body).data.user))
      expect(left).toEqual(names.map((user, index) => (index % 2 === 0 ? undefined : user)))
    })
  })
  return () => place
}

async function visit(browser: Browser, user: string): Promise<{ id: string; data: unknown }> {
  await browser.get(`/login?user=${user}`)
  for (let count = 0; count < 4; count++) {
    expect((await browser.get('/count')).status).toBe(200)
    // In two tabs. Not while it counts: session-file-store touches a session by writing all of it again as it was.
    const looked = await Promise.all(['/read', '/read'].map(path => browser.get(path)))
    for (const { body } of looked) expect(JSON.parse(body).data).toEqual({ user, count: count + 1 })
  }
  return JSON.parse((await browser.get('/read')).body)
}
