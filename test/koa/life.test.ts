import { expect, it } from 'vitest'
import { dropInMap, dropInMemory, gate, type Turn, write } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { heldAt, overtake } from './overtake.ts'

const LIFE = 1_000_000
const REMEMBERED = 900_000_000

const increment = (session: Loose) =>
  session.update((draft: Loose) => {
    draft.n = (draft.n ?? 0) + 1
  })

const routes = {
  '/in': write({ user: 'ann' }),
  '/remember': (t: Turn) => {
    t.session.maxAge = REMEMBERED
    return 'remembered'
  },
  '/until-closed': (t: Turn) => {
    t.session.maxAge = 'session'
    return 'until closed'
  },
  '/read': (t: Turn) => `${t.session.maxAge} ${t.session.x}`,
}

table([dropInMap, dropInMemory], open => {
  for (const [path, life] of [
    ['/remember', REMEMBERED],
    ['/until-closed', 'session'],
  ]) {
    it(`a life that another request chose stays, when this one reloads and then saves (${path})`, async () => {
      const late = gate()
      const slow = heldAt(late, async t => {
        await t.session.reload()
        t.session.x = 1
        return String(t.session.maxAge)
      })
      const site = await open({ options: { maxAge: LIFE }, routes: { ...routes, '/slow': slow } })
      const visitor = site.visitor()
      await visitor.get('/in')
      expect((await overtake(visitor, late, '/slow', String(path))).body).toBe(String(life))
      expect((await visitor.get('/read')).body).toBe(`${life} 1`)
    })
  }
})

table([dropInMemory], open => {
  const ways: Record<string, (t: Turn) => Promise<unknown>> = {
    'a save that met it': t => Object.assign(t.session, { x: 1 }).save(),
    'an update that met it, and a save': async t => {
      await increment(t.session)
      t.session.x = 1
      await t.session.save()
    },
    'a save that met it, and another one': async t => {
      t.session.x = 0
      await t.session.save()
      t.session.x = 1
    },
  }

  for (const [name, work] of Object.entries(ways)) {
    it(`a life that another request chose stays, after ${name}`, async () => {
      const late = gate()
      const site = await open({ options: { maxAge: LIFE }, routes: { ...routes, '/slow': heldAt(late, t => work(t).then(() => 'done')) } })
      const visitor = site.visitor()
      await visitor.get('/in')
      expect((await overtake(visitor, late, '/slow', '/remember')).status).toBe(200)
      expect((await visitor.get('/read')).body).toBe(`${REMEMBERED} 1`)
    })
  }

  it('a life that this request chose counts, also where another one wrote meanwhile', async () => {
    const late = gate()
    const slow = heldAt(late, routes['/remember'])
    const site = await open({ options: { maxAge: LIFE }, routes: { ...routes, '/slow': slow, '/write': write({ x: 1 }) } })
    const visitor = site.visitor()
    await visitor.get('/in')
    await overtake(visitor, late, '/slow', '/write')
    expect((await visitor.get('/read')).body).toBe(`${REMEMBERED} 1`)
  })
})
