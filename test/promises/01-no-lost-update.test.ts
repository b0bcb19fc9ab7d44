import { expect, it } from 'vitest'
import { gate, holdfastStores, type Mode, type Turn, tellAll, write } from './support.ts'
import { type Open, table } from './table.ts'

const MANY = 100

/** A site whose writing requests all load the session before the first of them may go on. */
async function overlapping(open: Open, mode: Mode, change: (turn: Turn, n: number) => unknown, options: object = {}) {
  const door = gate()
  let waiting = 0
  let arrived = () => {}
  const all = new Promise<void>(resolve => {
    arrived = resolve
  })
  const site = await open({
    [mode.native ? 'native' : 'options']: options,
    routes: {
      '/in': write({ base: { kept: true } }),
      '/read': tellAll,
      '*': async turn => {
        JSON.stringify(turn.session)
        if (++waiting === MANY) arrived()
        await door.pass()
        change(turn, Number(turn.path.slice(1)))
        return 'done'
      },
    },
  })
  const visitor = site.visitor()
  await visitor.get('/in')
  const answers = Array.from({ length: MANY }, (_, n) => visitor.get(`/${n}`))
  await all
  door.open()
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  return { statuses, stored: JSON.parse((await visitor.get('/read')).body) }
}

const numbers = Array.from({ length: MANY }, (_, n) => n)

table(holdfastStores, (open, mode) => {
  it('promise 1: 100 overlapping requests each set a different key, and all are there', async () => {
    const { statuses, stored } = await overlapping(open, mode, (turn, n) => {
      turn.session[`k${n}`] = n
    })
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(stored).toEqual({ base: { kept: true }, ...Object.fromEntries(numbers.map(n => [`k${n}`, n])) })
  })

  it('promise 1: also where the keys are nested in one object', async () => {
    const { stored } = await overlapping(open, mode, (turn, n) => {
      turn.session.base[`k${n}`] = { n }
    })
    expect(stored).toEqual({ base: { kept: true, ...Object.fromEntries(numbers.map(n => [`k${n}`, { n }])) } })
  })

  it('promise 1: on the same path one of them stands whole, or a function decides', async () => {
    const { stored } = await overlapping(open, mode, (turn, n) => {
      turn.session.base = [n, n]
    })
    expect(stored.base[0]).toBe(stored.base[1])
    const sum = (_path: unknown, base: number | undefined, mine: number, theirs: number) => theirs + mine - (base ?? 0)
    const added = await overlapping(open, mode, (turn, n) => Object.assign(turn.session, { sum: n + 1 }), { conflict: sum })
    expect(added.stored.sum).toBe((MANY * (MANY + 1)) / 2)
  })

  it("promise 1: with conflict 'error' all but one are told 409, and the one stands", async () => {
    const { statuses, stored } = await overlapping(open, mode, (turn, n) => Object.assign(turn.session, { n }), { conflict: 'error' })
    expect(statuses.filter(status => status === 200)).toHaveLength(1)
    expect(statuses.filter(status => status === 409)).toHaveLength(MANY - 1)
    expect(stored.n).toBe(statuses.indexOf(200))
  })

  it('promise 1: who somebody is is never mixed', async () => {
    const { stored } = await overlapping(open, mode, (turn, n) => {
      turn.session.userId = `user ${n}`
      turn.session.roles = [`role ${n}`]
    })
    expect(stored.roles).toEqual([stored.userId.replace('user', 'role')])
  })
})
