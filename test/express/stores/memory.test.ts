// `memorystore`
import { expect, it } from 'vitest'
import { routesApp } from './app.ts'
import { converse } from './conversation.ts'
import { holdfast, type Library, peer } from './libraries.ts'
import { openMemory } from './places.ts'
import { behavesAsWithThePeer } from './suite.ts'

const place = behavesAsWithThePeer(openMemory, { all: true })

// A record whose id nobody got lies there until it expires. Holdfast: record and cookie are both there, or neither is.
it('a new session without data that the handler saves: express-session stores it and tells nobody, Holdfast sends the cookie', async () => {
  const run = async (library: Library) => {
    await place().clear()
    const options = { resave: false, saveUninitialized: false }
    const steps = [
      ['new', '/save'],
      ['new', '/read'],
    ] as const
    return converse({ place: place(), libraries: [library], steps, app: routesApp(5), options })
  }
  const count = (records: object = {}) => Object.keys(records).length
  const told = (seen: Awaited<ReturnType<typeof run>>) =>
    seen.map(({ setCookie, records, body }) => [setCookie?.length, count(records), JSON.parse(body as string).id])
  expect(told(await run(peer))).toEqual([
    [0, 1, undefined],
    [0, 1, 'id-id-id-id-id-id-id-id-id-id-i2'],
  ])
  expect(told(await run(holdfast))).toEqual([
    [1, 1, undefined],
    [0, 1, 'id-id-id-id-id-id-id-id-id-id-i1'],
  ])
})
