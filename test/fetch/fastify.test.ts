// What is particular to Fastify; all else plays in the suites of the promises.
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import { createSessions } from 'holdfast'
import holdfast, { csrf } from 'holdfast/fastify'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { keys, Watch } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'

async function site(before: (app: Loose) => void = () => {}) {
  const store = new Watch(new MemoryStore())
  const sessions: Loose = createSessions({ keys, store: store.store as never })
  const app: Loose = Fastify()
  before(app)
  await app.register(holdfast, { sessions })
  return { app, store, sessions }
}

it('a save that fails lets go of the stream that was to be sent, and says nothing of its body', async () => {
  const { app, store } = await site()
  const stream = new Readable({ read() {} })
  app.get('/', async (request: Loose, reply: Loose) => {
    request.session.n = 1
    reply.headers({ 'content-encoding': 'gzip', 'content-type': 'application/x-file', 'content-disposition': 'attachment' })
    return reply.send(stream)
  })
  store.fail('create', new Error('down'))
  const { statusCode, headers } = await app.inject('/')
  expect(statusCode).toBe(500)
  expect([headers['content-encoding'], headers['content-disposition']]).toEqual([undefined, undefined])
  expect(headers['content-type']).toMatch(/^application\/json/)
  expect(stream.destroyed).toBe(true)
})

it('a look at the session before its hook has run is a typed error, and never undefined', async () => {
  const { app } = await site(own => {
    own.addHook('onRequest', async () => {
      throw new Error('early')
    })
    own.setErrorHandler((_error: unknown, request: Loose, reply: Loose) => {
      let code: unknown
      try {
        void request.session
      } catch (error) {
        code = (error as { code?: unknown }).code
      }
      reply.code(400).send(String(code))
    })
  })
  app.get('/', async () => 'never')
  expect((await app.inject('/')).body).toBe('HOLDFAST_NOT_OPEN')
})

it('csrf: a promise for a token is a typed error; the token is asked for only where it decides', async () => {
  const { app, sessions } = await site()
  let asked = 0
  const guard = csrf(sessions, {
    origins: ['https://shop.example'],
    token: () => {
      asked++
      return Promise.reject(new Error('nobody hears it'))
    },
  })
  app.post('/', { preHandler: guard }, async () => 'done')
  expect((await app.inject({ method: 'POST', url: '/', headers: { 'sec-fetch-site': 'same-origin' } })).body).toBe('done')
  expect(asked).toBe(0)
  expect((await app.inject({ method: 'POST', url: '/' })).json()).toMatchObject({ code: 'HOLDFAST_ASYNC_HOOK' })
  expect(asked).toBe(1)
})
