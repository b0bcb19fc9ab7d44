import { goneReason, userIdOf } from 'holdfast'
import { expect } from 'vitest'
import type { Turn, Visitor } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { startChildren } from '../http/children.ts'
import { meeting, range, type SiteSetup } from '../http/stage.ts'
import { places } from '../subjects.ts'

const LOGINS = 50
const PROCESSES = 4

const who = (t: Turn) => userIdOf(t.session) ?? goneReason(t.session) ?? 'nobody'
const whoAre = async (visitors: readonly Visitor[]) => {
  const counts: Record<string, number> = {}
  for (const { body } of await Promise.all(visitors.map(visitor => visitor.get('/who')))) counts[body] = (counts[body] ?? 0) + 1
  return counts
}

/** All have their session, and their password checked, before one of them goes on. */
const together = (max: number, onSessionLimit: 'deny' | 'evict-oldest'): Check => ({
  name: `H10: of ${LOGINS} logins at once, at two instances, ${max} are in, and the others are ${onSessionLimit === 'deny' ? 'refused' : 'told why not'}`,
  doors: ['native'],
  async run(stage) {
    const met = meeting(LOGINS)
    const routes: SiteSetup['routes'] = {
      '/cart': t => {
        t.session.cart = 1
        return 'put'
      },
      '/in': async t => {
        void t.session.cart
        await met()
        await t.session.login('ann')
        return 'in'
      },
      '/who': who,
    }
    const native = { maxSessionsPerUser: max, onSessionLimit }
    const sites = [await stage.site({ routes, native }), await stage.site({ routes, native })] as const
    const visitors = range(LOGINS).map(n => sites[n % 2 === 0 ? 0 : 1].visitor())
    for (const visitor of visitors.slice(0, LOGINS / 2)) await visitor.get('/cart')
    const answers = await Promise.all(visitors.map(visitor => visitor.get('/in')))
    const deny = onSessionLimit === 'deny'
    const refused = answers.filter(({ status }) => status !== 200)
    expect(refused.filter(({ status, setCookie }) => status !== 403 || setCookie.length > 0)).toEqual([])
    expect(refused.length).toBe(deny ? LOGINS - max : 0)
    expect(await whoAre(visitors)).toEqual({ ann: max, [deny ? 'nobody' : 'evicted']: LOGINS - max })
    for (const { sessions } of sites) expect(await sessions.list('ann')).toHaveLength(max)
  },
})

const fourProcesses: Check = {
  name: `H10: of ${LOGINS} logins at once in ${PROCESSES} processes, 3 are in`,
  doors: ['native'],
  on: place => places[place].kind !== 'process',
  once: true,
  timeout: 120_000,
  async run(stage) {
    const children = await startChildren(stage, PROCESSES, { maxSessionsPerUser: 3 })
    const visitors = range(LOGINS).map(n => (children[n % PROCESSES] as (typeof children)[number]).visitor())
    await Promise.all(visitors.slice(0, LOGINS / 2).map(visitor => visitor.get('/in')))
    const answers = await Promise.all(visitors.map(visitor => visitor.get('/login')))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(await whoAre(visitors)).toEqual({ ann: 3, evicted: LOGINS - 3 })
  },
}

export const sessionLimits: readonly Check[] = [
  together(3, 'evict-oldest'),
  fourProcesses,
  together(1, 'deny'),
  together(1, 'evict-oldest'),
  together(3, 'deny'),
]
