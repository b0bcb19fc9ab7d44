import { regenerate } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { gate, type Handler, holdfastStores, logout, read, renew, Watch, write } from './support.ts'
import { table } from './table.ts'

const DAY = 24 * 3_600_000

const late: Record<string, Handler> = {
  'writes a counter': write({ counter: 1 }),
  'saves whatever there is': t => t.session.save().then(() => 'saved'),
  'asks for a new id': t => regenerate(t.session).then(() => 'renewed'),
  updates: t => t.session.update((draft: object) => void Object.assign(draft, { n: 1 })).then(() => 'updated'),
  'reads only': read('user'),
}

table(holdfastStores, (open, mode, driver) => {
  for (const what of Object.keys(late)) {
    for (const [how, path] of [
      ['a logout', '/out'],
      ['a new id', '/renew'],
      ['the end of its life', ''],
    ] as const) {
      it(`promise 2: a request that ${what} after ${how} does not bring the session back`, async () => {
        let ahead = 0
        const now = () => Date.now() + ahead
        const store = new Watch(new MemoryStore({ now }))
        const door = gate()
        const own = mode.native ? { native: { now } } : { options: { rolling: true } }
        const site = await open({
          store,
          ...own,
          routes: {
            '/in': write({ user: 'ann' }),
            '/out': logout,
            '/renew': renew,
            '/read': read('user'),
            '/late': async t => {
              JSON.stringify(t.session)
              await door.pass()
              return late[what]?.(t)
            },
          },
        })
        const visitor = site.visitor()
        await visitor.get('/in')
        const old = visitor.header()
        const slow = site.visitor()
        for (const [name, value] of visitor.cookies) slow.cookies.set(name, value)
        const answer = slow.get('/late')
        await door.reached
        if (path) await visitor.get(path)
        else ahead += 2 * DAY
        door.open()
        await answer
        const after = site.visitor()
        expect((await after.get('/read', { headers: { cookie: old } })).body).toBe('nothing')
        // Nor does the late answer hand out another way in.
        expect((await slow.get('/read')).body).toBe('nothing')
        expect((await visitor.get('/read')).body).toBe(path === '/renew' && driver.keepsDataWithNewId(mode) ? 'ann' : 'nothing')
      })
    }
  }
})
