import { expect } from 'vitest'
import { gate, logout, type Visitor } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { startChildren } from '../http/children.ts'
import { increment } from '../http/handlers.ts'
import { range, type Stage } from '../http/stage.ts'
import { places } from '../subjects.ts'

const VISITORS = 8
const ACKNOWLEDGED = 200
const ADDS = 4

/** What a browser was told last. */
interface Told {
  cookie: string
  /** The counter, or that there is no session any more. */
  state: string
  /** What it asked for when the lights went out. */
  pending?: string
}

/** Everything that is needed to crash a site in the middle of its work. */
interface Scene {
  visitor(): Visitor
  crash(): Promise<void>
  /** After the crash. */
  restarted(): Promise<() => Visitor>
}

/** Logs in, counts up, logs out, and again, and notes what was acknowledged, until an answer fails to come. */
async function work(scene: Scene, acknowledge: () => void): Promise<Told[]> {
  const ledger: Told[] = []
  for (;;) {
    const visitor = scene.visitor()
    const told: Told = { cookie: '', state: 'nothing' }
    for (const path of ['/in', ...range(ADDS).map(() => '/add'), ...(ledger.length % 2 === 0 ? ['/out'] : [])]) {
      told.pending = path
      const answer = await visitor.get(path).catch(() => undefined)
      if (answer?.status !== 200) return told.cookie === '' ? ledger : [...ledger, told]
      if (path === '/in') told.cookie = visitor.header()
      told.state = path === '/out' ? 'nothing' : answer.body
      delete told.pending
      acknowledge()
    }
    ledger.push(told)
  }
}

/** What may be found: what was acknowledged, or what was under way when it happened. */
function possible({ state, pending }: Told): string[] {
  if (pending === '/add') return [state, String(Number(state) + 1)]
  return pending === '/out' ? [state, 'nothing'] : [state]
}

async function crashInTheMiddle(scene: Scene): Promise<void> {
  const enough = gate()
  let acknowledged = 0
  const acknowledge = () => {
    if (++acknowledged === ACKNOWLEDGED) void enough.pass()
  }
  const working = range(VISITORS).map(() => work(scene, acknowledge))
  await enough.reached
  await scene.crash()
  const ledger = (await Promise.all(working)).flat()
  const visitor = await scene.restarted()
  const found = await Promise.all(
    ledger.map(async told => ({ told, body: (await visitor().get('/read', { headers: { cookie: told.cookie } })).body })),
  )
  expect(found.filter(({ told, body }) => !possible(told).includes(body))).toEqual([])
  expect(ledger.length).toBeGreaterThan(VISITORS)
}

const ofServer: Check = {
  name: `durability: the server is killed in the middle of load and started again: each of over ${ACKNOWLEDGED} acknowledged logins, changes and logouts is there`,
  doors: ['native'],
  once: true,
  on: place => places[place].durable === true && places[place].kind === 'server',
  timeout: 60_000,
  async run(stage) {
    const { server } = stage.ground
    if (!server) throw new Error('there is no server to kill')
    const site = await stage.site({ routes, storeTimeout: 1500 })
    await crashInTheMiddle({
      visitor: () => site.visitor(),
      crash: () => server.kill(),
      // With patience: some take seconds for their first answers after a crash.
      restarted: async () => {
        await server.start()
        const patient = await stage.site({ routes })
        return () => patient.visitor()
      },
    })
  },
}

const routes: Record<string, (turn: Parameters<typeof logout>[0]) => unknown> = {
  '/in': t => {
    t.session.n = 0
    return '0'
  },
  '/add': async t => {
    await increment(t)
    return String(t.session.n)
  },
  '/out': logout,
  '/read': t => String(t.session.n ?? 'nothing'),
}

const ofProcess: Check = {
  name: `durability: the process is killed in the middle of load and started again: each of over ${ACKNOWLEDGED} acknowledged logins, changes and logouts is there`,
  doors: ['native'],
  once: true,
  on: place => places[place].kind === 'folder',
  timeout: 60_000,
  async run(stage: Stage) {
    const [child] = await startChildren(stage, 1)
    if (!child) throw new Error('no process was started')
    await crashInTheMiddle({
      visitor: child.visitor,
      crash: child.crash,
      restarted: async () => {
        const [next] = await startChildren(stage, 1)
        return next?.visitor ?? child.visitor
      },
    })
  },
}

export const durability: readonly Check[] = [ofServer, ofProcess]
