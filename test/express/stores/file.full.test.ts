// `session-file-store`
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Loose } from '../../support/subjects.ts'
import { routesApp } from './app.ts'
import { converse, openSite } from './conversation.ts'
import { createApp, holdfast, type Library, peer } from './libraries.ts'
import { openFolder } from './places.ts'
import { behavesAsWithThePeer } from './suite.ts'

const require = createRequire(import.meta.url)
const place = behavesAsWithThePeer(openFolder)

// With express-session the store's mark, the time, is a change of the session: a visitor who only reads stays longer than `maxAge`.
it("the store's own mark counts as a change: each answer sends the cookie, so that nobody who comes is logged out", async () => {
  const run = async (library: Library) => {
    await place().clear()
    const options = { resave: true, saveUninitialized: false, cookie: { maxAge: 60_000 } }
    const steps = [['ada', '/login?user=ada'], { pass: 10_000 }, ['ada', '/nothing'], ['ada', '/count']] as const
    const seen = await converse({ place: place(), libraries: [library], steps, app: routesApp(5), options })
    return seen.map(({ step, setCookie }) => [step, setCookie?.length])
  }
  const login = ['ada /login?user=ada', 1]
  const change = ['ada /count', 1]
  expect(await run(peer)).toEqual([login, ['ada /nothing', 1], change])
  expect(await run(holdfast)).toEqual([login, ['ada /nothing', 1], change])
})

it('a session loaded again whose file is gone: express-session hands on what the disk said, Holdfast says what the other stores do', async () => {
  const run = async (library: Library) => {
    const app = (session: Loose, options: Loose) => {
      const express = createApp(5)
      express.use(session(options))
      express.get('/', (req: Loose, res: Loose) => req.session.reload((error: Loose) => res.json([error.code, error.message.slice(0, 22)])))
      return express
    }
    const visitor = await openSite({ place: place(), libraries: [library], app, options: { resave: false, saveUninitialized: false } })
    return JSON.parse((await visitor().get('/')).body)
  }
  expect(await run(peer)).toEqual(['ENOENT', 'ENOENT: no such file o'])
  expect(await run(holdfast)).toEqual([null, 'failed to load session'])
})

it('in files that the store encrypts, and in files of another name', async () => {
  const path = place().path
  const secret = 'of the files'
  const kinds = [{ secret }, { fileExtension: '.session' }]
  for (const kind of kinds) {
    await place().clear()
    const store = new (require('session-file-store')(holdfast.session))({ path, logFn() {}, retries: 0, ...kind })
    const visitor = await openSite({
      place: { ...place(), store: () => store },
      libraries: [holdfast],
      app: routesApp(5),
      options: { resave: false, saveUninitialized: false },
    })
    const ada = visitor()
    await ada.get('/login?user=ada')
    expect(JSON.parse((await ada.get('/count')).body).data).toEqual({ user: 'ada', count: 1 })
    expect(JSON.parse((await ada.get('/read')).body).data).toEqual({ user: 'ada', count: 1 })
    const [file = '', ...others] = readdirSync(path)
    expect(others).toEqual([])
    expect(readFileSync(join(path, file), 'utf8').includes('ada')).toBe(!('secret' in kind))
  }
})
