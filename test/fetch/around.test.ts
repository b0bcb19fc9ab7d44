// One request that comes through twice, what is begun and not awaited, and answers that never leave.
import { createSessions, signalOf, userIdOf } from 'holdfast'
import session from 'holdfast/fetch'
import { MemoryStore } from 'holdfast/stores/memory'
import { Hono } from 'hono'
import { expect, it, vi } from 'vitest'
import { keys, Watch } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'

function site(options: Loose = {}, native: Loose = {}) {
  const store = new Watch(new MemoryStore())
  const sessions: Loose = createSessions({ keys, store: store.store as never, ...native })
  return { web: session(sessions, options) as Loose, again: session(sessions, options) as Loose, sessions, store }
}

const request = (init: RequestInit = {}) => new Request('https://shop.example/', init)
const cookieOf = (response: Response) => response.headers.getSetCookie().join('; ').split(';')[0] ?? ''
const hello = (web: Loose) => web.handler((r: Request) => Response.json({ ...web.of(r), by: userIdOf(web.of(r)) }))

it('a request that comes through twice has one session: what is written before and after stays, and a login inside is the browser’s', async () => {
  const { web, again, sessions } = site()
  const outer = web.handler(async (r: Request) => {
    web.of(r).before = 1
    const answer = await again.handler(async (inner: Request) => {
      await again.of(inner).login('ann')
      return new Response('in')
    })(r)
    web.of(r).after = 1
    return answer
  })
  const response: Response = await outer(request())
  await response.text()
  expect(response.headers.getSetCookie()).toHaveLength(1)
  expect(await sessions.list('ann')).toHaveLength(1)
  const answer: Response = await hello(web)(request({ headers: { cookie: cookieOf(response) } }))
  expect(await answer.json()).toEqual({ before: 1, after: 1, by: 'ann' })
})

it('the same where Hono hands its request on', async () => {
  const { web, again, sessions } = site()
  const app = new Hono()
  app.use(web)
  const inner = again.handler(async (r: Request) => {
    await again.of(r).login('ann')
    return new Response('in')
  })
  app.all('/in', async c => {
    web.of(c).before = 1
    return inner(c.req.raw)
  })
  const response = await app.request('https://shop.example/in')
  await response.text()
  const cookie = cookieOf(response)
  expect(await (await hello(web)(request({ headers: { cookie } }))).json()).toEqual({ before: 1, by: 'ann' })
  expect(await sessions.list('ann')).toHaveLength(1)
})

it('a request whose answer has left begins anew', async () => {
  const { web } = site()
  const once = request()
  const count = web.handler((r: Request) => {
    web.of(r).n = (web.of(r).n ?? 0) + 1
    return new Response(String(web.of(r).n))
  })
  expect([await (await count(once)).text(), await (await count(once)).text()]).toEqual(['1', '1'])
})

it('a login that is begun while the answer is saved still reaches the browser', async () => {
  const { web, sessions, store } = site()
  const first: Response = await web.handler((r: Request) => {
    web.of(r).n = 1
    return new Response('')
  })(request())
  await first.text()
  const cookie = cookieOf(first)
  const save = store.stop('save')
  let visit: Loose
  const answer: Promise<Response> = web.handler((r: Request) => {
    visit = web.of(r)
    visit.n = 2
    return new Response('')
  })(request({ headers: { cookie } }))
  await save.reached
  const login = visit.login('ann')
  save.open()
  const slow = await answer
  await login
  await slow.text()
  expect(cookieOf(slow)).not.toBe('')
  expect(cookieOf(slow)).not.toBe(cookie)
  expect(await sessions.list('ann')).toHaveLength(1)
})

it.each([true, false])('the body of an answer that must not leave is let go of (onError: %s)', async answers => {
  const { web, store } = site(answers ? { onError: () => new Response('sorry', { status: 500 }) } : {})
  const cancel = vi.fn()
  store.fail('create', new Error('down'))
  const answer = web.handler((r: Request) => {
    web.of(r).n = 1
    return new Response(new ReadableStream({ cancel }))
  })(request())
  if (answers) expect((await answer).status).toBe(500)
  else await expect(answer).rejects.toMatchObject({ code: 'HOLDFAST_STORE' })
  expect(cancel).toHaveBeenCalledOnce()
})

it('an error in the place of a success says nothing of that one’s body', async () => {
  const { web, store } = site()
  const app = new Hono()
  app.use(web)
  app.get('/', c => {
    web.of(c).n = 1
    return new Response('12345', { headers: { 'content-length': '5', 'content-encoding': 'gzip', 'content-disposition': 'attachment' } })
  })
  store.fail('create', new Error('down'))
  const answer = await app.request('https://shop.example/')
  expect(answer.status).toBe(500)
  for (const name of ['content-length', 'content-encoding', 'content-disposition']) expect(answer.headers.get(name), name).toBeNull()
})

it('a handler that returns nothing, or an answer that was read, is told so where errors are answered; nothing is stored', async () => {
  for (const wrong of [undefined, new Response('used')]) {
    await wrong?.text()
    const seen: unknown[] = []
    const onError = (error: unknown) => {
      seen.push(error)
      return new Response('sorry', { status: 500 })
    }
    const { web, store } = site({ onError })
    expect((await web.handler(() => wrong)(request())).status).toBe(500)
    expect(seen).toEqual([expect.any(TypeError)])
    expect(store.size).toBe(0)
  }
})

it('HEAD leaves nothing that follows the session, though nobody reads the body', async () => {
  const { web, sessions } = site()
  const first: Response = await web.handler(async (r: Request) => {
    await web.of(r).login('ann')
    return new Response('')
  })(request())
  await first.text()
  const follow = async (method: string) => {
    let signal: AbortSignal | undefined
    const answer = await web.handler((r: Request) => {
      signal = signalOf(web.of(r))
      return new Response('body')
    })(request({ method, headers: { cookie: cookieOf(first) } }))
    return { answer, signal }
  }
  const [head, get] = [await follow('HEAD'), await follow('GET')]
  await sessions.revokeAll('ann')
  expect([head.signal?.aborted, get.signal?.aborted]).toEqual([false, true])
  await get.answer.body?.cancel()
})

it('csrf: a token of a form is awaited, and asked for only where it decides', async () => {
  const { web, sessions } = site()
  const form = (token: string) => ({ method: 'POST', body: new URLSearchParams({ token }) })
  const asked = vi.fn(async (r: Request) => (await r.clone().formData()).get('token'))
  const guard = web.csrf({ origins: ['https://shop.example'], token: asked })
  const handler = web.handler(async (r: Request) => {
    web.of(r).n ??= 1
    if (r.method === 'GET') return new Response('')
    if (r.headers.has('make')) return new Response(sessions.csrfToken(web.of(r)))
    await guard(r)
    return new Response('done')
  })
  const first: Response = await handler(request())
  const cookie = cookieOf(first)
  const token = await (await handler(request({ method: 'POST', headers: { cookie, make: '1' } }))).text()
  expect(await (await handler(request({ ...form(token), headers: { cookie } }))).text()).toBe('done')
  await expect(handler(request({ ...form('forged'), headers: { cookie } }))).rejects.toMatchObject({ code: 'HOLDFAST_CSRF' })
  await expect(
    handler(request({ method: 'POST', body: '--', headers: { cookie, 'content-type': 'multipart/form-data; boundary=x' } })),
  ).rejects.toThrow()
  asked.mockClear()
  expect(await (await handler(request({ ...form('x'), headers: { cookie, 'sec-fetch-site': 'same-origin' } }))).text()).toBe('done')
  expect(asked).not.toHaveBeenCalled()
})
