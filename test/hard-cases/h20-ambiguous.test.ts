import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import {
  dropInCookie,
  dropInMap,
  dropInMemory,
  logout,
  nativeCookie,
  nativeMemory,
  read,
  renew,
  type Setup,
  type Site,
  settled,
  Watch,
  write,
} from '../promises/support.ts'
import { type Open, onKoa, table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

const routes: Setup['routes'] = {
  '/ann': write({ user: 'ann' }),
  '/eve': write({ user: 'eve' }),
  '/bob': write({ user: 'bob' }, renew),
  '/read': read('user'),
  '/write': write({ n: 1 }),
  '/out': logout,
}

/** The cookie's value of somebody who has logged in. */
async function cookieOf(site: Site, user: string): Promise<string> {
  const visitor = site.visitor()
  await visitor.get(`/${user}`)
  return visitor.cookies.get(site.cookieName) as string
}

/** What a browser sends with these values under the cookie's name, in this order. */
const sends = (site: Site, values: readonly string[]) => ({
  headers: { cookie: `a=1; ${values.map(value => `${site.cookieName}=${value}`).join('; b=2; ')}` },
})

async function ambiguous(site: Site): Promise<string[]> {
  await settled()
  return site.events.filter(({ name }) => name === 'session:ambiguous').map(({ event }) => event.reason)
}

/** Well formed, but not what this site has written. */
const forgedFrom = (value: string) => {
  const middle = Math.floor(value.length / 2)
  return value.slice(0, middle) + (value[middle] === 'x' ? 'y' : 'x') + value.slice(middle + 1)
}

table([nativeCookie, nativeMemory], (open, mode) => {
  it('H20: of several cookies of one name the one that is good counts, wherever it stands', async () => {
    const site = await open({ routes })
    const ann = await cookieOf(site, 'ann')
    const bad = [forgedFrom(ann), 'x', '']
    for (const values of [
      [ann, ...bad],
      [...bad, ann],
      [bad[0], ann, bad[1]],
      [ann, ann],
    ] as string[][]) {
      expect(await site.visitor().get('/read', sends(site, values)), values.join(' ')).toMatchObject({ body: 'ann', setCookie: [] })
      expect((await site.visitor().get('/write', sends(site, values))).status).toBe(200)
    }
    expect(await ambiguous(site)).toEqual([])
    expect(site.events.filter(({ name }) => name === 'session:invalid')).toEqual([])
  })

  it('H20: of two good ones nobody knows which is meant: a session that is never stored, no cookie, and an event', async () => {
    const site = await open({ routes })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    for (const values of [
      [ann, eve],
      [eve, 'x', ann],
    ]) {
      expect(await site.visitor().get('/read', sends(site, values))).toMatchObject({ body: 'nothing', setCookie: [] })
      expect(await site.visitor().get('/write', sends(site, values))).toMatchObject({ status: 200, setCookie: [] })
    }
    expect(await ambiguous(site)).toEqual(['several', 'several', 'several', 'several'])
    // Neither has changed hands, or data.
    for (const [value, user] of [
      [ann, 'ann'],
      [eve, 'eve'],
    ] as const)
      expect((await site.visitor().get('/read', sends(site, [value]))).body).toBe(user)
    expect(JSON.stringify(site.events)).not.toContain(ann.slice(0, 20))
  })

  it('H20: only a login, or a new id, leaves such a session with a cookie', async () => {
    const site = await open({ routes })
    const values = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    const visitor = site.visitor()
    const answer = await visitor.get('/bob', sends(site, values))
    expect([answer.body, answer.setCookie.length]).toEqual(['renewed', 1])
    expect((await visitor.get('/read')).body).toBe('bob')
  })

  it('H20: a new id leaves none of the two behind that could stand beside it, as far as the place can', async () => {
    for (const revocations of mode.place === 'cookie' ? [undefined, new MemoryStore()] : [undefined]) {
      const site = await open({ routes, native: { revocations } })
      const values = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
      const visitor = site.visitor()
      await visitor.get('/bob', sends(site, values))
      const bob = visitor.cookies.get(site.cookieName) as string
      const known = mode.place !== 'cookie' || revocations !== undefined
      for (const rival of values)
        expect((await site.visitor().get('/read', sends(site, [bob, rival]))).body).toBe(known ? 'bob' : 'nothing')
    }
  })

  it('H20: a login that fails ends neither of the two', async () => {
    if (mode.place === 'cookie') return
    const site = await open({ routes })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    site.store.fail('create', Object.assign(new Error('down'), { outcome: 'not-applied' }))
    expect((await site.visitor().get('/bob', sends(site, [ann, eve]))).status).toBe(500)
    site.store.heal()
    for (const [value, user] of [
      [ann, 'ann'],
      [eve, 'eve'],
    ] as const)
      expect((await site.visitor().get('/read', sends(site, [value]))).body).toBe(user)
  })

  it('H20: a logout with two good ones ends both, as far as the place can', async () => {
    const site = await open({ routes })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    const out = await site.visitor().get('/out', sends(site, [ann, eve]))
    expect(out.setCookie).toEqual([expect.stringMatching(new RegExp(`^${site.cookieName}=;`))])
    const users = await Promise.all([ann, eve].map(async value => (await site.visitor().get('/read', sends(site, [value]))).body))
    expect(users).toEqual(mode.place === 'cookie' ? ['ann', 'eve'] : ['nothing', 'nothing'])
  })

  it('H20: four are looked at, and no more', async () => {
    const site = await open({ routes })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    const answer = async (...values: string[]) => (await site.visitor().get('/read', sends(site, values))).body
    expect(await answer('1', '2', '3', ann)).toBe('ann')
    expect(await answer('1', '2', '3', '4', ann)).toBe('nothing')
    expect(await answer('1', '2', ann, '4', eve)).toBe('ann')
    expect(await ambiguous(site)).toEqual([])
    const many = Array.from({ length: 500 }, (_, n) => String(n))
    expect((await site.visitor().get('/read', sends(site, many))).status).toBe(200)
  })

  it('H20: one whose session has ended does not stand beside one that lives', async () => {
    let time = Date.UTC(2030, 0, 1)
    const store = new Watch(new MemoryStore({ now: () => time }))
    const site = await open({ routes, store, native: { now: () => time } })
    const old = await cookieOf(site, 'eve')
    time += 29 * 60_000
    const ann = await cookieOf(site, 'ann')
    time += 2 * 60_000
    const answer = async (...values: string[]) => (await site.visitor().get('/read', sends(site, values))).body
    expect([await answer(old), await answer(old, ann), await answer(ann, old)]).toEqual(['nothing', 'ann', 'ann'])
    if (mode.place === 'cookie') return
    const out = await cookieOf(site, 'eve')
    await site.visitor().get('/out', sends(site, [out]))
    expect([await answer(out), await answer(out, ann)]).toEqual(['nothing', 'ann'])
    expect(await ambiguous(site)).toEqual([])
  })

  it('H20: names are compared octet by octet, and never decoded', async () => {
    const site = await open({ routes })
    const { cookieName } = site
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    const nearly = [
      cookieName.toLowerCase(),
      cookieName.replace('_', '%5F'),
      cookieName.replace('-', '%2d'),
      `${cookieName} `,
      `\u00a0${cookieName}`,
      `"${cookieName}"`,
      `x${cookieName}`,
      `${cookieName}%00`,
    ]
    for (const name of nearly) {
      for (const cookie of [`${name}=${eve}; ${cookieName}=${ann}`, `${cookieName}=${ann}; ${name}=${eve}`])
        expect((await site.visitor().get('/read', { headers: { cookie } })).body, cookie).toBe('ann')
      expect((await site.visitor().get('/read', { headers: { cookie: `${name}=${eve}` } })).body, name).toBe('nothing')
    }
    expect(await ambiguous(site)).toEqual([])
  })

  it('H20: an upgrade of the connection with two good ones has no session', async () => {
    const site = await open({ routes })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    expect(await site.sessions.load(sends(site, [ann, 'x']))).toEqual({ user: 'ann' })
    expect(await site.sessions.load(sends(site, [ann, eve]))).toBeNull()
  })

  it('H20: a transport of one’s own may give a list as well', async () => {
    const transport = {
      read: (header: Loose) => header('x-tokens')?.split(' '),
      write: (headers: Loose, token: string) => headers.set('x-token', token),
      clear: (headers: Loose) => headers.set('x-token', ''),
    }
    const site = await open({ routes, native: { transport } })
    const token = async (user: string) => (await site.visitor().get(`/${user}`)).headers['x-token'] as string
    const [ann, eve] = [await token('ann'), await token('eve')]
    const answer = async (...tokens: string[]) => (await site.visitor().get('/read', { headers: { 'x-tokens': tokens.join(' ') } })).body
    expect([await answer(ann), await answer('x', ann), await answer(ann, eve), await answer()]).toEqual([
      'ann',
      'ann',
      'nothing',
      'nothing',
    ])
  })
})

/** Where a drop-in verifies the cookie itself. Koa's signed pair is read by `ctx.cookies`, which looks at the first only. */
function first(open: Open, options: Loose = {}): void {
  it('H20: in a drop-in the first that is good counts, and two are told', async () => {
    const site = await open({ routes, options })
    const [ann, eve] = [await cookieOf(site, 'ann'), await cookieOf(site, 'eve')]
    const answer = async (...values: string[]) => (await site.visitor().get('/read', sends(site, values))).body
    expect(await answer(ann, forgedFrom(eve))).toBe('ann')
    expect(await answer(forgedFrom(eve), '', ann)).toBe('ann')
    expect(await answer('1', '2', '3', '4', ann)).toBe('nothing')
    expect(await answer(ann, ann)).toBe('ann')
    expect(await ambiguous(site)).toEqual([])
    expect(await answer(ann, eve)).toBe('ann')
    expect(await answer('x', eve, ann)).toBe('eve')
    expect(await ambiguous(site)).toEqual(['first', 'first'])
  })
}

table([dropInCookie], open => first(open, { encrypt: true }), onKoa)
table(
  [dropInMap, dropInMemory],
  open => first(open),
  driver => !onKoa(driver),
)
