import { describe, expect, it } from 'vitest'
import { CookieUsers } from '../../../src/backends/cookie-users.ts'
import type { Revocations } from '../../../src/backends/revocations.ts'
import type { UserSessions } from '../../../src/backends/users.ts'

describe('CookieUsers', () => {
  it('H7: where the ends of cookies cannot be written, what lies in a store ends all the same, and that it was not all is told', async () => {
    const ended: string[] = []
    const endUser = async () => {
      throw new TypeError('away')
    }
    const large = {
      end: async (userId: string) => ended.push(userId),
      endEveryone: async () => ended.push('everyone'),
    }
    const users = new CookieUsers({ endUser } as unknown as Revocations, large as unknown as UserSessions)
    await expect(users.revokeAll('ann')).rejects.toThrow('away')
    await expect(users.revokeEveryone()).rejects.toThrow('away')
    expect(ended).toEqual(['ann', 'everyone'])
  })
})
