import { expect } from 'vitest'
import { read, type Turn } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import type { Stage, StoreSite } from '../http/stage.ts'

const ISS = 'https://idp.example'

const site = (stage: Stage): Promise<StoreSite> =>
  stage.site({
    routes: {
      '/who': read('name'),
      '*': async (t: Turn) => {
        const [, userId, sid] = t.path.split('/') as [string, string, string]
        t.session.name = userId
        await t.session.login(userId, { idp: { iss: ISS, sid } })
        return 'in'
      },
    },
  })

const backChannel: Check = {
  name: 'H25: revokeByIdp at one instance ends what came of the provider’s session at any, and no login by it comes after',
  doors: ['native'],
  async run(stage) {
    const [one, two] = [await site(stage), await site(stage)]
    const enter = async (at: StoreSite, path: string) => {
      const visitor = at.visitor()
      expect((await visitor.get(path)).body).toBe('in')
      return visitor
    }
    const visitors = [await enter(one, '/ann/s1'), await enter(two, '/ann/s1'), await enter(two, '/bob/s1'), await enter(one, '/ann/s2')]
    expect(await two.sessions.list('ann')).toHaveLength(3)
    expect(await two.sessions.revokeByIdp(ISS, 's1')).toBe(3)
    const bodies: string[] = []
    for (const visitor of visitors) bodies.push((await visitor.get('/who')).body)
    expect(bodies).toEqual(['nothing', 'nothing', 'nothing', 'ann'])
    expect((await one.visitor().get('/ann/s1')).status).toBe(409)
    expect([(await one.sessions.list('ann')).length, await one.sessions.list('bob')]).toEqual([1, []])
  },
}

export const backChannelLogout: readonly Check[] = [backChannel]
