// Promise 13: one table of lifetimes, each cell of it on a clock that the test moves. The visitor sends the cookie again whatever its
// Expires says: it is the server that enforces.
import { login as logIn } from 'holdfast'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { holds, type Row, rows } from './lifetimes.ts'
import { everyMode, type Handler, type Mode, read, type Setup, write } from './support.ts'
import { table } from './table.ts'

const START = Date.UTC(2030, 0, 1)

beforeEach(() => {
  // Only the clock: timers and sockets go on as they are.
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

const count: Handler = t => {
  const name = String(t.session.name ?? 'nothing')
  t.session.n = (t.session.n ?? 0) + 1
  return name
}

function routesOf({ login }: Row): Setup['routes'] {
  const begin = write({ name: 'ann', n: 0 })
  return {
    '/begin': async t => {
      const { expiresIn, ...options } = login ?? {}
      begin(t)
      if (login) await logIn(t.session, 'ann', { ...options, ...(expiresIn !== undefined && { expiresAt: Date.now() + expiresIn }) })
      return 'begun'
    },
    '/read': read('name'),
    '/write': count,
    '/poll': read('name'),
    '/poll-write': count,
  }
}

/** A drop-in's cookie may also be encrypted. */
function variantsOf(row: Row, { native, place }: Mode): { row: Row; encrypt: boolean }[] {
  const plain = { row, encrypt: false }
  return native || place !== 'cookie' || row.notSealed ? [plain] : [plain, { row, encrypt: true }]
}

table(
  everyMode,
  (open, mode, { framework }) => {
    for (const { row, encrypt } of rows.filter(each => holds(each, framework, mode)).flatMap(each => variantsOf(each, mode))) {
      it(`promise 13: ${row.rule}${encrypt ? ' (encrypted)' : ''}`, async () => {
        const options = encrypt ? { ...row.options, encrypt } : row.options
        const site = await open({ routes: routesOf(row), ...(mode.native ? { native: options } : { options }) })
        const visitor = site.visitor()
        await visitor.get('/begin')
        for (const [after, what, found] of row.moments) {
          vi.setSystemTime(START + after)
          const { body } = await visitor.get(`/${what}`)
          expect(`${after} ms: ${body === 'ann' ? 'lives' : 'ended'}`).toBe(`${after} ms: ${found}`)
        }
      })
    }
  },
  ({ framework }, mode) => rows.some(row => holds(row, framework, mode)),
)
