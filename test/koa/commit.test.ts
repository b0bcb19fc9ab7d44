import { expect, it } from 'vitest'
import { dropInCookie, dropInMap, dropInMemory, dropInModes, read } from '../promises/support.ts'
import { koaTable as table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'

table(dropInModes, open => {
  it("commit() is koa-session's: by itself, with options, with a callback", async () => {
    const ways: Record<string, (session: Loose) => unknown> = {
      '/plain': session => session.commit(),
      '/options': session => session.commit({ save: true }),
      '/callback': session => new Promise((resolve, reject) => session.commit((error: unknown) => (error ? reject(error) : resolve('')))),
      '/both': session => new Promise(resolve => session.commit({ save: true }, resolve)),
    }
    const site = await open({
      options: { autoCommit: false },
      routes: {
        '/read': read('by'),
        '*': async t => {
          t.session.by = t.path
          await ways[t.path]?.(t.session)
          return 'done'
        },
      },
    })
    for (const path of Object.keys(ways)) {
      const visitor = site.visitor()
      expect((await visitor.get(path)).status).toBe(200)
      expect((await visitor.get('/read')).body).toBe(path)
    }
  })
})

table([dropInCookie], open => {
  it('commit() without a change sets nothing, and with { save: true } it does', async () => {
    const site = await open({
      options: { autoCommit: false },
      routes: {
        '/in': async t => {
          t.session.user = 'ann'
          await t.session.commit()
        },
        '/plain': t => t.session.commit().then(() => 'done'),
        '/save': t => t.session.commit({ save: true }).then(() => 'done'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    expect((await visitor.get('/plain')).setCookie).toEqual([])
    expect((await visitor.get('/save')).setCookie).toHaveLength(2)
  })
})

table([dropInMap, dropInMemory], open => {
  it('commit({ regenerate: true }) gives a new id and ends the old one', async () => {
    const site = await open({
      options: { autoCommit: false },
      routes: {
        '/in': t =>
          Object.assign(t.session, { user: 'ann' })
            .commit()
            .then(() => 'in'),
        '/renew': t => t.session.commit({ regenerate: true }).then(() => 'renewed'),
        '/read': read('user'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const old = visitor.header()
    await visitor.get('/renew')
    expect((await visitor.get('/read')).body).toBe('ann')
    expect((await visitor.get('/read', { headers: { cookie: old } })).body).toBe('nothing')
  })
})
