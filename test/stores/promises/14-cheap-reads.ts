import { expect } from 'vitest'
import { logout, read, renew, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { Sent } from '../http/sent.ts'
import { meeting, range, type SiteSetup, type Stage } from '../http/stage.ts'
import { type PlaceName, places } from '../subjects.ts'

const MINUTE = 60_000
const READS = 20

const networked = (place: PlaceName) => places[place].kind === 'server'

/**
 * A visitor with a session whose touch is due. The drop-in has `renew`: a touch once less than half of its life is left. Another visitor
 * has done it all before, so that clients are connected, tables made and scripts known.
 */
async function site(stage: Stage, routes: SiteSetup['routes'] = {}) {
  const clock = stage.stopClock()
  const one = await stage.site({
    routes: {
      '/in': write({ user: 'ann' }),
      '/read': read('user'),
      '/change': write({ changed: true }),
      '/renew': renew,
      '/out': logout,
      ...routes,
    },
    native: { idleTimeout: 40 * MINUTE, touchInterval: 10 * MINUTE },
    dropIn: { maxAge: 40 * MINUTE, renew: true },
  })
  const earlier = one.visitor()
  await earlier.get('/in')
  clock.advance(21 * MINUTE)
  for (const path of ['/read', '/change', '/renew', '/out']) await earlier.get(path)

  const visitor = one.visitor()
  await visitor.get('/in')
  expect((await visitor.get('/read')).body).toBe('ann')
  clock.advance(21 * MINUTE)
  one.store.did()
  return { one, visitor, clock }
}

const oneTouch: Check = {
  once: true,
  name: `promise 14: ${READS} reads within touchInterval cause one write to the store, and it is a touch`,
  async run(stage) {
    const { one, visitor, clock } = await site(stage)
    for (let n = 0; n < READS; n++) {
      expect((await visitor.get('/read')).body).toBe('ann')
      clock.advance(1000)
    }
    const did = one.store.did()
    expect(did.filter(method => method === 'load')).toHaveLength(READS)
    expect(did.filter(method => method !== 'load')).toEqual(['touch'])
  },
}

const overlapping: Check = {
  once: true,
  name: `promise 14: ${READS} overlapping reads of a page after a pause cause one write to the store`,
  async run(stage) {
    const met = meeting(READS)
    const { one, visitor } = await site(stage, { '/part': t => met().then(() => String(t.session.user)) })
    const answers = await Promise.all(range(READS).map(() => visitor.get('/part')))
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => 'ann'))
    expect(one.store.did().filter(method => method !== 'load')).toEqual(['touch'])
  },
}

const counted: Check = {
  name: `promise 14: ${READS} reads within touchInterval are ${READS + 1} commands or statements to the server`,
  on: networked,
  async run(stage) {
    const { visitor } = await site(stage)
    const sent = new Sent(stage)
    for (let n = 0; n < READS; n++) await visitor.get('/read')
    expect(sent.now()).toHaveLength(READS + 1)
  },
}

const roundTrips: Check = {
  name: 'cost: to the server, a read is one command or statement, two with a touch that is due; a change, a new id and a logout are two, a login is one',
  on: networked,
  async run(stage) {
    const { visitor, clock } = await site(stage)
    const sent = new Sent(stage)
    const cost = async (path: string) => {
      await visitor.get(path)
      return sent.now().length
    }
    expect({ touch: await cost('/read'), read: await cost('/read'), change: await cost('/change') }).toEqual({
      touch: 2,
      read: 1,
      change: 2,
    })
    clock.advance(21 * MINUTE)
    // What was changed needs no touch of its own.
    expect({ changeWithTouch: await cost('/change'), again: await cost('/read') }).toEqual({ changeWithTouch: 2, again: 1 })
    expect({ renew: await cost('/renew'), out: await cost('/out'), in: await cost('/in') }).toEqual({
      renew: places[stage.subject.place].renewCosts ?? 2,
      out: 2,
      in: 1,
    })
  },
}

export const cheapReads: readonly Check[] = [oneTouch, overlapping, counted, roundTrips]
