import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { logout, nativeMemory, read, type Site, type Visitor, Watch, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const HOUR = 3_600_000

table([nativeMemory], open => {
  /** Sites on one store, whose clock is right; each with a clock of its own. */
  async function nodes(...offsets: number[]) {
    let time = Date.UTC(2030, 0, 1)
    const store = new Watch(new MemoryStore({ now: () => time }))
    const routes = { '/in': write({ user: 'ann' }), '/write': write({ n: 1 }), '/read': read('user'), '/out': logout }
    const sites = await Promise.all(offsets.map(offset => open({ store, routes, native: { now: () => time + offset } })))
    const advance = (ms: number) => {
      time += ms
    }
    const site = (n: number) => sites[n] as Site
    /** A browser that has the same cookie at another site. */
    const same = (visitor: Visitor, n: number) => {
      const other = site(n).visitor()
      for (const [name, value] of visitor.cookies) other.cookies.set(name, value)
      return other
    }
    return { site, same, advance }
  }

  it("H11: a node an hour ahead throws away nobody's login: it goes on without, and says why", async () => {
    const { site, same } = await nodes(0, HOUR)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    const cookie = visitor.header()
    const other = same(visitor, 1)
    for (const path of ['/read', '/write', '/write']) expect((await other.get(path)).setCookie, path).toEqual([])
    expect(other.header()).toBe(cookie)
    expect((await visitor.get('/read')).body).toBe('ann')
    expect(site(1).events.map(({ name, event }) => [name, event.reason])).toContainEqual(['clock:skew', 'ahead'])
    expect(site(1).events.filter(({ name }) => name === 'clock:skew')).toHaveLength(1)
  })

  it('H11: a logout on a node whose clock is ahead ends the session all the same', async () => {
    const { site, same } = await nodes(0, HOUR)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    expect((await same(visitor, 1).get('/out')).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('nothing')
  })

  it('H11: it is said again after a minute', async () => {
    const { site, same, advance } = await nodes(0, HOUR)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    const other = same(visitor, 1)
    for (const ms of [0, 59_999, 1]) {
      advance(ms)
      await other.get('/read')
    }
    expect(site(1).events.filter(({ name }) => name === 'clock:skew')).toHaveLength(2)
  })

  it('H11: a node an hour behind keeps nothing past its end on the right clock, and says that it is behind', async () => {
    const { site, same, advance } = await nodes(0, -HOUR)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    const other = same(visitor, 1)
    expect((await other.get('/read')).body).toBe('ann')
    expect(site(1).events.map(({ name, event }) => [name, event.reason])).toEqual([['clock:skew', 'behind']])
    advance(30 * 60_000 + 1)
    expect((await other.get('/read')).body).toBe('nothing')
    expect((await visitor.get('/read')).body).toBe('nothing')
  })

  it('H11: what a node an hour behind writes, or is logged in to, does not end the session on the right clock', async () => {
    const { site, same, advance } = await nodes(0, -HOUR)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    const other = same(visitor, 1)
    expect((await other.get('/write')).status).toBe(200)
    expect((await visitor.get('/read')).body).toBe('ann')
    await other.get('/in')
    expect((await same(other, 0).get('/read')).body).toBe('ann')
    advance(30 * 60_000 + 1)
    expect((await same(other, 0).get('/read')).body).toBe('nothing')
  })

  it("H11: a minute's difference is no skew", async () => {
    const { site, same } = await nodes(0, 60_000, -60_000)
    const visitor = site(0).visitor()
    await visitor.get('/in')
    for (const n of [1, 2]) {
      expect((await same(visitor, n).get('/read')).body).toBe('ann')
      expect(site(n).events).toEqual([])
    }
  })
})
