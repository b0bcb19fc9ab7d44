import { Readable } from 'node:stream'
import { expect } from 'vitest'
import { type Answer, type Handler, logout, read, redirectTo, renew, type Visitor, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { type Fault, failure, silence } from '../http/fault.ts'
import { updateWith } from '../http/handlers.ts'
import { crowd, type SiteSetup, type Stage, type StoreSite, sameBrowser } from '../http/stage.ts'
import { places } from '../subjects.ts'

/** For calls that the store will not answer. */
const STORE_TIMEOUT = 1000
/** A failure must not take much longer than the limit; what is above it is for a busy machine. */
const SLACK = 5000

const REDIRECTED = 'redirected'
const change = write({ name: 'new' })

/** What handlers do whose save fails. `begun`: the visitor has a session before. */
const acts: Record<string, { begun: boolean; act: Handler }> = {
  change: { begun: true, act: change },
  redirect: { begun: true, act: write({ name: 'new' }, t => redirectTo(t, `/${REDIRECTED}`)) },
  stream: { begun: true, act: write({ name: 'new' }, () => Readable.from(['do', 'ne'])) },
  save: { begun: true, act: write({ name: 'new' }, t => t.session.save().then(() => 'done')) },
  update: { begun: true, act: updateWith({ name: 'new' }) },
  renew: { begun: true, act: renew },
  login: { begun: true, act: write({ name: 'new' }, renew) },
  first: { begun: false, act: change },
  out: { begun: true, act: logout },
}
const names = Object.keys(acts)

function routesWith(pass: () => Promise<void>): SiteSetup['routes'] {
  const held = names.map(name => [
    `/${name}`,
    async (turn: Parameters<Handler>[0]) => {
      void turn.session.name
      await pass()
      return acts[name]?.act(turn)
    },
  ])
  return { '/in': write({ name: 'old' }), '/read': read('name'), ...Object.fromEntries(held) }
}

function expectNoSuccess(name: string, { status, setCookie, body, headers }: Answer): void {
  expect({ name, status }).toEqual({ name, status: expect.toSatisfy((code: number) => code >= 500) })
  expect(body).not.toMatch(/done|updated|renewed|out$/)
  expect(headers.location).toBeUndefined()
  // Somebody who asked to be logged out is logged out in the browser at least.
  const left = setCookie.filter(line => !(name === 'out' && /expires=Thu, 01 Jan 1970/i.test(line)))
  expect({ name, left }).toEqual({ name, left: [] })
}

interface Outage {
  site: StoreSite & { routes: SiteSetup['routes'] }
  visitors: Map<string, Visitor>
}

/** Handlers that have read their sessions, a store that is then of no use, and what becomes of each answer. */
async function outage(stage: Stage, fault: Fault): Promise<Outage> {
  const held = crowd(names.length)
  const routes = routesWith(held.pass)
  const site = { ...(await stage.site({ routes, storeTimeout: STORE_TIMEOUT, ...fault.setup })), routes }
  const visitors = new Map<string, Visitor>()
  for (const [name, { begun }] of Object.entries(acts)) {
    const visitor = site.visitor()
    if (begun) expect((await visitor.get('/in')).status).toBe(200)
    visitors.set(name, visitor)
  }
  const asked = [...visitors].map(async ([name, visitor]) => [name, await visitor.get(`/${name}`)] as const)
  await held.reached
  await fault.begin()
  const began = performance.now()
  held.open()
  // A request that comes only now: its session cannot be read, and its handler never sees an undefined one.
  const reading = (visitors.get('change') as Visitor).get('/read')
  for (const [name, answer] of await Promise.all(asked)) expectNoSuccess(name, answer)
  expectNoSuccess('read', await reading)
  // Where the handler itself waited for a save in vain, its request makes a second attempt.
  expect(performance.now() - began).toBeLessThan(2 * STORE_TIMEOUT + SLACK)
  expect(site.errors.length).toBeGreaterThan(names.length)
  for (const error of site.errors) expect(error).toMatchObject({ name: 'SessionStoreError', code: 'HOLDFAST_STORE' })
  return { site, visitors }
}

/**
 * The very first request after the store is back, and others after it, in the same process, over the same client. The limit is a usual
 * one here: clients make new connections when they think it is time.
 */
async function expectRecovery(stage: Stage, { site, visitors }: Outage, data: string[]): Promise<void> {
  const usual = await stage.site({ routes: site.routes, beside: site, storeTimeout: 5000 })
  for (const name of ['change', 'redirect', 'save', 'update'] as const) {
    const answer = await sameBrowser(usual, visitors.get(name) as Visitor).get('/read')
    expect({ name, status: answer.status, body: answer.body }).toEqual({ name, status: 200, body: expect.toBeOneOf(data) })
  }
  const newcomer = usual.visitor()
  expect((await newcomer.get('/in')).status).toBe(200)
  expect((await newcomer.get('/read')).body).toBe('old')
}

/** An outage takes seconds: where a server fails, one door is enough. */
const on: NonNullable<Check['on']> = (place, door) => door === 'native' || places[place].kind !== 'server'

const noFalseSuccess: Check = {
  name: 'promises 5 and 6: the store fails while handlers hold their sessions: none of their answers is a 2xx or 3xx, each error is a SessionStoreError, and the first request after the store is back works without a restart',
  on,
  async run(stage) {
    const fault = await failure(stage)
    const after = await outage(stage, fault)
    await fault.end()
    // A client may send later what it could not send then: what was asked for has an unknown outcome, not a false one.
    await expectRecovery(stage, after, stage.ground.server ? ['old', 'new'] : ['old'])
  },
}

const boundedWaiting: Check = {
  name: 'promises 5 and 6: the store never answers while handlers hold their sessions: each request fails within storeTimeout, none as a 2xx or 3xx, and the first request after the store is back works without a restart',
  on,
  async run(stage) {
    const fault = await silence(stage)
    const after = await outage(stage, fault)
    const { errors } = after.site
    expect(errors.filter(({ outcome }) => outcome !== 'unknown')).toEqual([])
    await fault.end()
    // Nobody knows what became of a save that was on its way.
    await expectRecovery(stage, after, ['old', 'new'])
  },
}

export const failures: readonly Check[] = [noFalseSuccess, boundedWaiting]
