import { describe, expect, it } from 'vitest'
import { called, type Env, type Handler, minute, plant, play, type Step, secret, signed } from '../../support/express/conversation.ts'
import { shop } from '../../support/express/handlers.ts'
import { allHosts } from '../../support/express/hosts.ts'
import { holdfast, peer } from '../../support/express/subjects.ts'

// What a session library is for, written out: not only that both libraries do the same, but that it is the right thing.

const end: Handler = async (req, _res, env) => {
  const { id } = req.session
  await called(done => req.session.destroy(done))
  return { left: env.store.records.has(id) }
}

const renew: Handler = async (req, _res, env) => {
  const { id } = req.session
  await called(done => req.session.regenerate(done))
  req.session.user = 'bea'
  return { left: env.store.records.has(id), another: req.session.id !== id }
}

const routes = { ...shop, '/end': end, '/renew': renew }
const user = (body: string | undefined) => JSON.parse(body as string).user
const header = (cookie: string): Step => ({ to: '/who', headers: { cookie } })

describe.each([peer, holdfast])('$name', subject => {
  it.each(allHosts)('destroy() has reached the store when it calls back, on %s', async host => {
    const cookie = `connect.sid=${encodeURIComponent(signed('id-1'))}`
    const { exchanges, records } = await play({ name: '', routes, requests: ['/login', '/who', '/end', header(cookie)] }, host, subject)
    expect(user(exchanges[1]?.body)).toBe('ann')
    expect(exchanges[2]).toMatchObject({ body: '{"left":false}', did: ['store.get', 'store.destroy'] })
    expect(exchanges[2]?.journal[1]?.args).toEqual(['id-1'])
    expect(user(exchanges[3]?.body)).toBe('nobody')
    expect(records).toEqual({})
  })

  it.each(allHosts)('regenerate() has ended the old record when it calls back, on %s', async host => {
    const old = `connect.sid=${encodeURIComponent(signed('id-1'))}`
    const { exchanges, records } = await play({ name: '', routes, requests: ['/login', '/renew', '/who', header(old)] }, host, subject)
    expect(exchanges[1]).toMatchObject({ body: '{"left":false,"another":true}', did: ['store.get', 'store.destroy', 'store.set'] })
    expect(exchanges[1]?.setCookie).toEqual([`connect.sid=${encodeURIComponent(signed('id-2'))}; Path=/; HttpOnly`])
    expect(user(exchanges[2]?.body)).toBe('bea')
    expect(user(exchanges[3]?.body)).toBe('nobody')
    expect(Object.keys(records)).toEqual(['id-2'])
  })

  it('a cookie whose signature is wrong or missing never loads a session', async () => {
    const wrong = [
      'id-1',
      's:id-1',
      's:id-1.',
      's:id-1.wrong',
      `s:id-1.${'A'.repeat(43)}`,
      signed('id-1', 'another secret'),
      signed('id-1').slice(0, -1),
      `${signed('id-1')}A`,
      signed('id-2').replace('id-2', 'id-1'),
      signed('id-1').slice(2),
      signed('id-1').toUpperCase(),
      signed('id-1', ''),
    ]
    const requests = [...wrong, ...wrong.map(encodeURIComponent)].map(value => header(`connect.sid=${value}`))
    const { exchanges } = await play({ name: '', routes, requests: ['/login', ...requests, '/who'] }, 'Express 5', subject)
    for (const exchange of exchanges.slice(1, -1)) {
      expect(user(exchange.body)).toBe('nobody')
      expect(exchange.did).toEqual([])
    }
    expect(user(exchanges.at(-1)?.body)).toBe('ann')
  })

  it('an id of the browser’s own is never taken over, however well it is signed', async () => {
    const requests = [{ to: '/login', first: (_env: Env, jar: Parameters<typeof plant>[0]) => plant(jar, 'chosen') }, '/who']
    const { exchanges, records } = await play({ name: '', routes, requests }, 'Express 5', subject)
    expect(exchanges[0]?.did).toEqual(['store.get', 'store.set'])
    expect(Object.keys(records)).toEqual(['id-1'])
    expect(user(exchanges[1]?.body)).toBe('ann')
  })

  it('two visitors never meet', async () => {
    const steps = ['a', 'b', 'c'].flatMap(as => ['/login', '/look', '/who'].map(to => ({ to, as })))
    const { exchanges, records } = await play({ name: '', routes, requests: steps }, 'Express 4', subject)
    expect(Object.keys(records)).toEqual(['id-1', 'id-2', 'id-3'])
    expect(exchanges.filter(exchange => exchange.request === 'GET /look').map(exchange => JSON.parse(exchange.body).views)).toEqual([
      1, 1, 1,
    ])
  })

  it('default ids carry 192 random bits, in letters that need no escape', async () => {
    const requests = Array.from({ length: 20 }, (_, n) => ({ to: '/login', as: String(n) }))
    const { exchanges } = await play({ name: '', options: { genid: undefined }, routes, requests }, 'Express 5', subject)
    const ids = exchanges.map(exchange => JSON.parse(exchange.body).id as string)
    expect(new Set(ids).size).toBe(20)
    for (const id of ids) expect(id).toMatch(/^[\w-]{32}$/)
    expect(exchanges[0]?.setCookie[0]).toContain(`connect.sid=${encodeURIComponent(signed(ids[0] as string, secret))};`)
  })

  it('a store gets a Date for the end, and a cookie that writes itself', async () => {
    const { exchanges } = await play(
      { name: '', options: { cookie: { maxAge: minute } }, routes, requests: ['/login', '/who'] },
      'Express 5',
      subject,
    )
    for (const [n, what] of [
      [0, 'store.set'],
      [1, 'store.touch'],
    ] as const) {
      const seen = exchanges[n]?.journal.find(entry => entry.what === what)?.args[1]
      expect(seen).toMatchObject({
        expires: new Date('2025-01-01T00:01:00.000Z'),
        maxAge: minute,
        originalMaxAge: minute,
        line: expect.stringContaining('Path=/'),
      })
    }
  })
})
