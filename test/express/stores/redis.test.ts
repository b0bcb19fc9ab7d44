// `connect-redis`
import { RedisStore } from 'connect-redis'
import { expect, it, vi } from 'vitest'
import { until } from '../../promises/support.ts'
import { routesApp } from './app.ts'
import { openSite } from './conversation.ts'
import { holdfast } from './libraries.ts'
import { openRedis } from './places.ts'
import { behavesAsWithThePeer } from './suite.ts'

const place = behavesAsWithThePeer(openRedis)

it('Redis itself lets go of it when the cookie ends', async () => {
  vi.useRealTimers()
  const options = { resave: false, saveUninitialized: false, cookie: { maxAge: 1000 } }
  const visitor = await openSite({ place: place(), libraries: [holdfast], app: routesApp(5), options })
  const ada = visitor()
  await ada.get('/login?user=ada')
  const { data, id } = JSON.parse((await ada.get('/read')).body)
  expect(data).toEqual({ user: 'ada' })
  await until(async () => (await place().client.exists(`myapp:${id}`)) === 0)
  const after = JSON.parse((await ada.get('/read')).body)
  expect([after.data, after.id === id]).toEqual([{}, false])
})

it('with options of its own: no touch, a time to live, another serializer', async () => {
  const { client } = place()
  const serializer = {
    stringify: (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64'),
    parse: (text: string) => JSON.parse(Buffer.from(text, 'base64').toString()),
  }
  const own = { ...place(), store: () => new RedisStore({ client, prefix: 'own:', ttl: 90, disableTouch: true, serializer }) }
  const visitor = await openSite({
    place: own,
    libraries: [holdfast],
    app: routesApp(5),
    options: { resave: false, saveUninitialized: false },
  })
  const ada = visitor()
  await ada.get('/login?user=ada')
  const { data, id } = JSON.parse((await ada.get('/read')).body)
  expect(data).toEqual({ user: 'ada' })
  expect(serializer.parse(await client.get(`own:${id}`)).user).toBe('ada')
  await client.expire(`own:${id}`, 50)
  await ada.get('/nothing')
  expect(await client.ttl(`own:${id}`)).toBeLessThanOrEqual(50)
  await ada.get('/count')
  expect(await client.ttl(`own:${id}`)).toBeGreaterThan(50)
})
