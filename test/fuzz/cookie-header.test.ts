// Hostile Cookie headers, judged without a server. HOLDFAST_FUZZ says how many: 1,000,000 in `npm run test:full`.
import fc from 'fast-check'
import { createSessions } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { cookieHeader } from './cookie-header.ts'
import { seeds } from './seeds.ts'

const RUNS = Number(process.env.HOLDFAST_FUZZ ?? 20_000)
const MOST_GROWTH = 32 * 1024 * 1024
const keys = ['the newest of the secrets, 0123456789', 'an older one of the secrets, 0123456789']

/** What a client could have added to, if it had reached a prototype. */
const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype]
const shapeOf = () => JSON.stringify(prototypes.map(prototype => Reflect.ownKeys(prototype).map(String)))

async function memory(): Promise<number> {
  // Without `--expose-gc` the collector needs a moment and a reason.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return process.memoryUsage().heapUsed
}

/** A site, and the tokens of two of its sessions. */
async function siteWith(place: 'cookie' | 'store') {
  const sessions = createSessions<Record<string, unknown>>({ keys, ...(place === 'store' && { store: new MemoryStore() }) })
  const tokens: string[] = []
  for (const name of ['ann', 'bob']) {
    const session = await sessions.manager.open(undefined, {})
    session.hold({ name }, () => undefined)
    tokens.push((await sessions.manager.commit(session, {}, { force: true })).token as string)
  }
  return { sessions, tokens }
}

it('no Cookie header throws, adopts an id, changes a prototype or stays in memory', { timeout: 3_600_000 }, async () => {
  // One header is judged by both: the tokens of the one are forgeries to the other.
  const sites = await Promise.all([siteWith('cookie'), siteWith('store')])
  const before = shapeOf()
  const headers = cookieHeader({ names: ['__Host-sid'], tokens: sites.flatMap(({ tokens }) => tokens) })
  let judged = 0
  const judge = async (cookie: string) => {
    judged++
    for (const { sessions, tokens } of sites) {
      const presented = sessions.readToken({ headers: { cookie } })
      const session = await sessions.manager.open(presented, {})
      if ([presented ?? []].flat().some(token => tokens.includes(String(token)))) continue
      if (session.loaded) throw new Error(`a forged token was let in: ${JSON.stringify(cookie)}`)
      if (session.id !== undefined && cookie.includes(session.id))
        throw new Error(`a client's id was taken over: ${JSON.stringify(cookie)}`)
    }
  }
  const play = (numRuns: number, seed: number) => fc.assert(fc.asyncProperty(headers, judge), { numRuns, seed })
  const [fixed, ofThisRun] = seeds
  await play(Math.min(5000, RUNS), fixed)
  const warm = await memory()
  // In portions: fast-check keeps nothing of a property that has ended.
  for (const first of [fixed + 1, ofThisRun]) {
    let seed = first
    for (let left = RUNS / 2; left > 0; left -= 50_000) await play(Math.min(left, 50_000), seed++)
  }
  const grown = (await memory()) - warm
  expect(judged).toBeGreaterThanOrEqual(RUNS)
  expect(shapeOf()).toBe(before)
  expect(({} as Record<string, unknown>).a).toBeUndefined()
  expect(grown).toBeLessThan(MOST_GROWTH)
  for (const { sessions, tokens } of sites) {
    for (const token of tokens) expect((await sessions.manager.open(token, {})).loaded).not.toBeNull()
    await sessions.close()
  }
})
