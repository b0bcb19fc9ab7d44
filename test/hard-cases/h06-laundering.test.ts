import { MemoryStore } from 'holdfast/stores/memory'
import { expect, it } from 'vitest'
import { SignedCodec } from '../../src/crypto/signed.ts'
import { nativeCookie, nativeMemory, read, type Site, settled, Watch, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'
import type { Loose } from '../support/subjects.ts'
import { fixedKeys } from '../unit/crypto/keys.ts'

const leaked = 'the secret that has leaked, 0123456789abc'
const newest = 'the newest of the secrets, 0123456789'
const START = Date.UTC(2030, 0, 1)
const routes = { '/in': write({ user: 'ann' }), '/forge': write({ user: 'admin' }), '/read': read('user') }

table([nativeCookie, nativeMemory], (open, mode) => {
  let ring: Loose[]
  let time: number

  async function shop(more: Loose = {}): Promise<Site> {
    ring = [newest, leaked]
    time = START
    const store = new Watch(new MemoryStore({ now: () => time }))
    return open({ routes, store, keys: () => ring, native: { now: () => time, ...more } })
  }

  /**
   * What somebody makes who has the leaked key. In cookie mode anything at all; with a store a token for a session whose id they have
   * learnt, but which they have no signature for. `ahead`: how far their clock is.
   */
  async function forged(site: Site, id: string, ahead = 0): Promise<string> {
    const now = () => time + ahead
    if (mode.place === 'memory') return new SignedCodec(fixedKeys([leaked]), { scope: site.cookieName, now }).encode(id, undefined)
    const theirs = (await open({ routes, keys: [leaked], native: { now } })).visitor()
    await theirs.get('/forge')
    return theirs.cookies.get(site.cookieName) as string
  }

  /** The value of an honest token of a store: `<id>.<key id>.<origin>.<bornAt>.<signature>`. */
  const idOf = (token: string) => token.split('.').slice(0, -4).join('.')
  const owner = mode.place === 'memory' ? 'ann' : 'admin'

  it('H6: a forgery under a leaked key, issued anew under the new one, ends once the old one is revoked', async () => {
    const site = await shop()
    const ann = site.visitor()
    await ann.get('/in')
    const forgery = await forged(site, idOf(ann.cookies.get(site.cookieName) as string))
    const eve = site.visitor()
    eve.cookies.set(site.cookieName, forgery)
    const answer = await eve.get('/read')
    expect(answer.body).toBe(owner)
    const reissued = eve.cookies.get(site.cookieName) as string
    expect(reissued).not.toBe(forgery)
    expect((await eve.get('/read')).setCookie).toEqual([])
    // To remove the key ends the forgery, not what was issued anew; to revoke it ends both.
    ring = [newest]
    expect((await eve.get('/read')).body).toBe(owner)
    ring = [newest, { secret: leaked, revoked: true }]
    for (const token of [forgery, reissued]) {
      eve.cookies.set(site.cookieName, token)
      expect(await eve.get('/read'), token).toMatchObject({ status: 200, body: 'nothing' })
    }
    expect((await ann.get('/read')).body).toBe('ann')
  })

  // With a store a token's beginning matters to `rejectIssuedBefore` alone: a server whose clock is late refuses nobody else's logins (H11).
  it('H6: what says that it was made in the future is refused, beyond a minute', async () => {
    const site = await shop(mode.place === 'memory' ? { rejectIssuedBefore: START - 86_400_000 } : {})
    const ann = site.visitor()
    await ann.get('/in')
    const id = idOf(ann.cookies.get(site.cookieName) as string)
    const readBy = async (ahead: number) => {
      const eve = site.visitor()
      eve.cookies.set(site.cookieName, await forged(site, id, ahead))
      return (await eve.get('/read')).body
    }
    expect(await readBy(60_000)).toBe(owner)
    for (const ahead of [61_000, 3_600_000, 365 * 86_400_000]) expect(await readBy(ahead)).toBe('nothing')
    await settled()
    expect(site.events.map(({ name, event }) => [name, event.reason])).toEqual(Array(3).fill(['session:invalid', 'signature']))
    expect(site.errors).toEqual([])
  })
})
