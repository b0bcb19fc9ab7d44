// H25: a request that a page makes by itself is no use of its session.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { everyMode, nativeCookie, nativeMemory, read, type Setup, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

beforeEach(() => {
  // Only the clock: timers and sockets go on as they are.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})

afterEach(() => {
  vi.useRealTimers()
})

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)

const MINUTE = 60_000

const isPoll = ({ path }: Loose): boolean => path.startsWith('/poll')

const routes: Setup['routes'] = {
  '/in': write({ name: 'ann' }),
  '/read': read('name'),
  '/poll': read('name'),
  '/poll-write': write({ seen: 1 }),
  '/poll-login': t => t.session.login('ann').then(() => 'in'),
  '/seen': read('seen'),
}

/** Each of them would be a reason to write at a read. */
const eager = (passive: unknown) => ({
  options: { rolling: true, maxAge: 3_600_000, resave: true, passive },
  native: { touchInterval: 1, passive },
})

table(everyMode, (open, mode, { framework }) => {
  it('H25: passive: a poll touches nothing and sets no cookie; another request does', async () => {
    const site = await open({ routes, ...forMode(eager(isPoll)) })
    const visitor = site.visitor()
    await visitor.get('/in')
    pass(5)
    site.store.did()
    const answer = await visitor.get('/poll')
    expect([answer.body, answer.setCookie, site.store.wrote()]).toEqual(['ann', [], []])
    const other = await visitor.get('/read')
    expect(other.setCookie.length + site.store.wrote().length).toBeGreaterThan(0)
  })

  it('H25: passive: what a poll writes is stored', async () => {
    const visitor = (await open({ routes, ...forMode(eager(isPoll)) })).visitor()
    await visitor.get('/in')
    await visitor.get('/poll-write')
    expect((await visitor.get('/seen')).body).toBe('1')
    expect((await visitor.get('/read')).body).toBe('ann')
  })

  it('H25: passive: a promise is a typed error, also for a visitor without a session', async () => {
    const site = await open({ routes, ...forMode(eager(async () => true)) })
    expect((await site.visitor().get('/read')).status).toBe(500)
    expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_ASYNC_HOOK', message: expect.stringContaining('"passive"') })
  })

  it('H25: passive: what is no function is refused', async () => {
    await expect(open({ routes, ...forMode(eager('yes')) })).rejects.toThrow(/passive must be a function/)
  })

  it('H25: passive: only a clear yes counts', async () => {
    const site = await open({ routes, ...forMode(eager(() => undefined)) })
    const visitor = site.visitor()
    await visitor.get('/in')
    pass(5)
    site.store.did()
    const { setCookie } = await visitor.get('/poll')
    expect(setCookie.length + site.store.wrote().length).toBeGreaterThan(0)
  })

  /** A drop-in takes no option of native mode, and no framework those of the other. */
  function forMode({ options, native }: ReturnType<typeof eager>): Pick<Setup, 'options' | 'native'> {
    if (mode.native) return { native }
    const { resave, ...koas } = options
    return { options: framework === 'koa' ? koas : { ...koas, resave } }
  }
})

table([nativeMemory, nativeCookie], open => {
  it('H25: passive: a login in such a request begins a whole life', async () => {
    const visitor = (await open({ routes, native: { passive: isPoll, idleTimeout: '30m' } })).visitor()
    await visitor.get('/in')
    pass(29 * MINUTE)
    await visitor.get('/poll-login')
    pass(29 * MINUTE)
    expect((await visitor.get('/read')).body).toBe('ann')
  })
})

table([nativeMemory], open => {
  it('H25: passive: no rotation of the id', async () => {
    const visitor = (await open({ routes, native: { passive: isPoll, rotate: '5m' } })).visitor()
    await visitor.get('/in')
    const before = visitor.header()
    pass(6 * MINUTE)
    expect((await visitor.get('/poll')).setCookie).toEqual([])
    expect(visitor.header()).toBe(before)
    expect((await visitor.get('/read')).setCookie).toHaveLength(1)
  })

  it('H25: passive: no rotation of the id by what a poll writes: nobody has presented the new one when the grace is over', async () => {
    const visitor = (await open({ routes, native: { passive: isPoll, rotate: { every: '5m', grace: '20s' } } })).visitor()
    await visitor.get('/in')
    const before = visitor.header()
    pass(6 * MINUTE)
    expect(await visitor.get('/poll-write')).toMatchObject({ status: 200, setCookie: [] })
    expect(visitor.header()).toBe(before)
    expect((await visitor.get('/seen')).body).toBe('1')
  })
})
