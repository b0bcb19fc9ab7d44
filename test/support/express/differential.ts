import { describe, expect, it } from 'vitest'
import { full } from '../full.ts'
import { type Conversation, play, type Trace } from './conversation.ts'
import { expresses, type Host } from './hosts.ts'
import { holdfast, peer } from './subjects.ts'

/**
 * Plays each conversation on both libraries and on its hosts (both majors of Express), and expects one trace. `npm test` plays each on one
 * host, the hosts taking turns.
 */
export function compare(area: string, conversations: Conversation[]): void {
  describe(area, () => {
    for (const [n, conversation] of conversations.entries()) {
      it.each(hostsFor(conversation.hosts ?? expresses, n))(`${conversation.name}, on %s`, { timeout: 10_000 }, async host => {
        const theirs = await play(conversation, host, peer)
        const ours = await play(conversation, host, holdfast)
        const { differs, clears } = conversation
        if (clears) expect(takeClearings(ours)).toBeGreaterThan(takeClearings(theirs))
        if (!differs) {
          expect(ours).toStrictEqual(theirs)
          return
        }
        expect(theirs.exchanges, 'what express-session does').toMatchObject(differs.peer)
        expect(ours.exchanges, `what Holdfast does: ${differs.because}`).toMatchObject(differs.holdfast)
        expect(ours, 'a difference that is none any more').not.toEqual(theirs)
      })
    }
  })
}

/** All of them, or the one whose turn it is. */
export function hostsFor(hosts: readonly Host[], turn: number): readonly Host[] {
  return full ? hosts : [hosts[turn % hosts.length] as Host]
}

/** Takes the lines out by which a browser forgets a session's cookie, and counts them. */
function takeClearings({ exchanges }: Trace): number {
  let count = 0
  for (const exchange of exchanges) {
    const kept = exchange.setCookie.filter(line => !/^[^=]+=; .*Expires=Thu, 01 Jan 1970 00:00:00 GMT/.test(line))
    count += exchange.setCookie.length - kept.length
    exchange.setCookie = kept
  }
  return count
}
