// An answer that is open in one process ends when another one ends its session, on every store, within a second.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ground, type PlaceName, places, type Subject, subjects } from '../stores/subjects.ts'
import { full } from '../support/full.ts'
import { Browser, build, type SiteProcess, type Stream, startSites } from './processes.ts'

/** What is promised is a second; a machine that does other things as well gets three. */
const WITHIN_MS = 3000

// One that tells, one that tells where somebody listens, and one that is asked; `npm run test:full` plays all.
const PLACES: readonly PlaceName[] = full ? ['redis', 'postgres', 'mysql', 'mongodb', 'sqlite', 'file'] : ['redis', 'postgres', 'file']

/** How the other process ends a session of `ann`, who has signed in with this browser. */
const ends: Record<string, { by: (other: SiteProcess, browser: Browser) => Promise<unknown>; reason: string }> = {
  'a logout': { by: (other, browser) => browser.get(other, '/out'), reason: 'destroyed' },
  'revokeAll()': { by: other => other.order('revokeAll', 'ann'), reason: 'revoked' },
  'a new id': { by: (other, browser) => browser.get(other, '/anew'), reason: 'regenerated' },
  'deleteByUser() of the store': { by: other => other.order('deleteByUser', 'ann'), reason: 'revoked' },
  'an eviction': { by: other => other.order('evict', 'ann'), reason: 'evicted' },
  'revokeEveryone()': { by: other => other.order('revokeEveryone'), reason: 'revoked' },
}

let spaces = 0
const newSpace = () => `push${process.pid.toString(36)}x${spaces++}`

async function signedIn(site: SiteProcess, user: string): Promise<Browser> {
  const browser = new Browser()
  await browser.get(site, `/in/${user}`)
  return browser
}

/** How long it took, in ms. */
async function endedIn(stream: Stream, act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return (await stream.ended) - begun
}

async function endsEach(subject: Subject, ground: Ground): Promise<void> {
  const [here, other] = await startSites(subject, ground, newSpace())
  const bob = await (await signedIn(here, 'bob')).listen(here)
  const took: string[] = []
  for (const [name, { by, reason }] of Object.entries(ends)) {
    const ann = await signedIn(here, 'ann')
    // The same session three times, as of two windows and a socket.
    const [one, two, socket] = [await ann.listen(here), await ann.listen(here), await ann.upgrade(here)]
    expect(bob.text()).toBe('data: hello\n\n')
    const ms = await endedIn(one, () => by(other, ann))
    await Promise.all([two.ended, socket.ended])
    for (const { text } of [one, two]) expect(text(), name).toBe(`data: hello\n\ndata: ended ${reason}\n\n`)
    expect(socket.text(), name).toBe(`hello ended ${reason}`)
    expect(ms, name).toBeLessThan(WITHIN_MS)
    took.push(`${name} ${Math.round(ms)} ms`)
  }
  await bob.ended
  console.log(`${subject.name}: ${took.join(', ')}`)
  expect([await here.stop(), await other.stop(), here.output + other.output]).toEqual([0, 0, ''])
}

beforeAll(() => build(), 300_000)

for (const place of PLACES) {
  describe(`two processes on ${place}`, () => {
    let ground: Ground
    beforeAll(async () => {
      ground = await places[place].start()
    }, 120_000)
    afterAll(() => ground?.stop())

    const [subject] = subjects.filter(one => one.place === place) as [Subject]
    it(`an answer that is open in one ends when the other ends its session, and no other answer does (${subject.name})`, async test => {
      const missing = await subject.missing?.()
      test.skip(missing !== undefined, missing)
      await endsEach(subject, ground)
    }, 60_000)

    const { kind } = places[place]
    it.skipIf(kind !== 'server')(
      'it is heard again after the server was killed and has come back, and nothing ends by that',
      async test => {
        const missing = await subject.missing?.()
        test.skip(missing !== undefined, missing)
        const [here, other] = await startSites(subject, ground, newSpace())
        const ann = await signedIn(here, 'ann')
        const [anns, bobs] = [await ann.listen(here), await (await signedIn(here, 'bob')).listen(here)]
        await ground.server?.kill()
        await ground.server?.start()
        // At whatever moment: also before anybody listens again.
        const ms = await endedIn(anns, () => other.order('revokeAll', 'ann'))
        expect(anns.text()).toContain('ended revoked')
        expect(ms).toBeLessThan(10_000)
        console.log(`${subject.name}, after a restart: ${Math.round(ms)} ms`)
        const again = await (await signedIn(here, 'ann')).listen(here)
        expect(await endedIn(again, () => other.order('revokeAll', 'ann'))).toBeLessThan(WITHIN_MS)
        expect(bobs.text()).toBe('data: hello\n\n')
        bobs.close()
        expect([await here.stop(), await other.stop(), here.output + other.output]).toEqual([0, 0, ''])
      },
      60_000,
    )
  })
}
