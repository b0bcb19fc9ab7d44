// What is particular to web-standard answers; all else plays in the suites of the promises.

import { createSessions } from 'holdfast'
import session from 'holdfast/fetch'
import { MemoryStore } from 'holdfast/stores/memory'
import { Hono } from 'hono'
import { expect, it } from 'vitest'
import { keys, Watch } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'

function site(options: Loose = {}) {
  const store = new Watch(new MemoryStore())
  const sessions: Loose = createSessions({ keys, store: store.store as never })
  const reported: Loose[] = []
  sessions.on('commit:error', (event: Loose) => void reported.push(event.value.code))
  const web: Loose = session(sessions, options)
  return { web, store, reported }
}

const request = (cookie?: string) => new Request('https://shop.example/', cookie === undefined ? {} : { headers: { cookie } })
const cookieOf = (response: Response) => response.headers.getSetCookie().join('; ').split(';')[0] ?? ''

it.each([
  ['a redirect', () => Response.redirect('https://shop.example/next', 303), 303],
  ['an answer whose headers are frozen', () => fetch('data:text/plain,frozen'), 200],
] as const)('%s gets its cookie on a new Response', async (_, answer, status) => {
  const { web } = site()
  const response: Response = await web.handler((r: Request) => {
    web.of(r).name = 'ann'
    return answer()
  })(request())
  expect(response.status).toBe(status)
  expect(cookieOf(response)).toMatch(/^__Host-sid=/)
  if (status === 303) expect(response.headers.get('location')).toBe('https://shop.example/next')
  else expect(await response.text()).toBe('frozen')
})

it('a network error and an upgrade pass as they are; a new session of such a request is not stored, and that is reported', async () => {
  for (const given of [Response.error(), Object.defineProperty(new Response(null), 'status', { value: 101 })]) {
    const { web, store, reported } = site()
    const answer = web.handler((r: Request) => {
      web.of(r).name = 'ann'
      return given
    })(request())
    // A status below 400 must not hide it: there the error goes on.
    await expect(answer).rejects.toMatchObject({ code: 'HOLDFAST_HEADERS_SENT' })
    expect([store.size, reported]).toEqual([0, []])
    expect(await web.handler(() => given)(request())).toBe(given)
  }
})

it('an answer whose handler did not look is the very same object', async () => {
  const { web } = site()
  const given = new Response('plain')
  expect(await web.handler(() => given)(request())).toBe(given)
})

it('what a body changes is saved before its end, and a first look behind the head is an error', async () => {
  const { web } = site()
  const first: Response = await web.handler((r: Request) => {
    web.of(r).name = 'ann'
    return new Response('in')
  })(request())
  const cookie = cookieOf(first)
  const streaming = (early: boolean, told: unknown[]) =>
    web.handler((r: Request) => {
      const known = early ? web.of(r) : undefined
      const pull = (controller: ReadableStreamDefaultController) => {
        try {
          const late = known ?? web.of(r)
          late.name = 'bob'
        } catch (error) {
          told.push((error as Loose).code)
        }
        controller.close()
      }
      // Asked for nothing before the head has left.
      const body = new ReadableStream({ pull }, { highWaterMark: 0 })
      return new Response(body)
    })(request(cookie))
  const told: unknown[] = []
  await ((await streaming(false, told)) as Response).text()
  expect(told).toEqual(['HOLDFAST_HEADERS_SENT'])
  const data = async () => (await web.load(request(cookie))).name
  expect(await data()).toBe('ann')
  await ((await streaming(true, told)) as Response).text()
  expect(await data()).toBe('bob')
})

it('without onError a thrown error goes on; a new session is not stored, a known one is', async () => {
  const { web, store, reported } = site()
  const failing = web.handler((r: Request) => {
    web.of(r).name = 'ann'
    throw new Error('no')
  })
  await expect(failing(request())).rejects.toThrow('no')
  expect([store.size, reported]).toEqual([0, ['HOLDFAST_HEADERS_SENT']])
})

it('Hono’s own error handler answers a save that fails, with the token of what was stored before and without what a success says', async () => {
  const { web, store } = site()
  const app = new Hono()
  app.use(web)
  app.onError((error, c) => c.text((error as Loose).code, 500))
  app.get('/', async c => {
    await web.of(c).login('ann')
    web.of(c).name = 'ann'
    store.fail('save', new Error('down'))
    return c.redirect('/next')
  })
  const response = await app.fetch(request())
  expect([response.status, await response.text(), response.headers.get('location')]).toEqual([500, 'HOLDFAST_STORE', null])
  expect(cookieOf(response)).toMatch(/^__Host-sid=/)
})

it('a request that has not come through is an error', () => {
  expect(() => site().web.of(request())).toThrow(expect.objectContaining({ code: 'HOLDFAST_NOT_OPEN' }))
})
