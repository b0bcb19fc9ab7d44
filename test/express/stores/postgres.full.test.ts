// `connect-pg-simple`
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { routesApp } from './app.ts'
import { openSite } from './conversation.ts'
import { holdfast, peer } from './libraries.ts'
import { openPostgres } from './places.ts'
import { behavesAsWithThePeer } from './suite.ts'

const require = createRequire(import.meta.url)
const place = behavesAsWithThePeer(openPostgres)

it('with a connection of its own, as in the shortest example', async () => {
  const { session } = holdfast
  const store = new (require('connect-pg-simple')(session))({ conString: place().url })
  const own = { ...place(), store: () => store }
  const visitor = await openSite({ place: own, libraries: [holdfast], app: routesApp(5), options: { resave: false } })
  const ada = visitor()
  await ada.get('/login?user=ada')
  expect(JSON.parse((await ada.get('/read')).body).data).toEqual({ user: 'ada' })
  expect(Object.values(await place().records())).toEqual([expect.stringContaining('"user":"ada"')])
  await store.close()
})

it.each([peer, holdfast])('made from the Store of $name, in a schema whose table it makes by itself', async ({ name, session }) => {
  const schemaName = `sessions of ${name}`
  await place().pool.query(`CREATE SCHEMA "${schemaName}"`)
  const store = new (require('connect-pg-simple')(session))({ pool: place().pool, schemaName, createTableIfMissing: true })
  const own = { ...place(), store: () => store }
  const visitor = await openSite({
    place: own,
    libraries: [holdfast],
    app: routesApp(5),
    options: { resave: false, saveUninitialized: false },
  })
  const [ada, bob] = [visitor(), visitor()]
  await Promise.all([ada.get('/login?user=ada'), bob.get('/login?user=bob')])
  expect(JSON.parse((await ada.get('/read')).body).data).toEqual({ user: 'ada' })
  const rows = async () => (await place().pool.query(`SELECT sess->>'user' AS name FROM "${schemaName}".session ORDER BY 1`)).rows
  expect(await rows()).toEqual([{ name: 'ada' }, { name: 'bob' }])
  await bob.get('/destroy')
  expect(await rows()).toEqual([{ name: 'ada' }])

  // What has expired is swept away by the store's own timer, or by this.
  await place().pool.query(`UPDATE "${schemaName}".session SET expire = now() - interval '1 day'`)
  expect(JSON.parse((await ada.get('/read')).body).data).toEqual({})
  await new Promise<void>((resolve, reject) => store.pruneSessions((error: unknown) => (error ? reject(error) : resolve())))
  expect(await rows()).toEqual([])
  await store.close()
})
