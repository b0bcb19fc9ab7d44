import { update } from 'holdfast'
import { expect, it } from 'vitest'
import { holdfastStores, read, tellAll, write } from './support.ts'
import { table } from './table.ts'

table(holdfastStores, open => {
  it.each([1, 10, 100])('promise 3: %i updates at once count exactly', async count => {
    const site = await open({
      routes: {
        '/in': write({ n: 0 }),
        '/add': t => update(t.session, (draft: { n: number }) => void draft.n++).then(() => 'added'),
        '/read': read('n'),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    const answers = await Promise.all(Array.from({ length: count }, () => visitor.get('/add')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await visitor.get('/read')).body).toBe(String(count))
  })

  it('promise 3: also among plain writes of other keys', async () => {
    const site = await open({
      routes: {
        '/in': write({ n: 0 }),
        '/add': t => t.session.update((draft: { n: number }) => void draft.n++).then(() => 'added'),
        '/other': t => write({ [`k${Math.random()}`]: 1 })(t),
        '/read': tellAll,
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    await Promise.all(Array.from({ length: 80 }, (_, n) => visitor.get(n % 2 ? '/add' : '/other')))
    const stored = JSON.parse((await visitor.get('/read')).body)
    expect([stored.n, Object.keys(stored).length]).toEqual([40, 41])
  })
})
