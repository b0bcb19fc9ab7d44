import { SessionStoreError } from '../../core/errors.ts'

// A client library hands out answers in the order in which it has sent. Where it loses count, as when it is connected anew while an earlier
// attempt still goes on, each request gets the answer of another one, and with it somebody else's session. So each call has a tag, which
// the script gives back before its answer and after it: 40 octets of a call, and no answer is taken that is not its own, nor one that another
// one's octets have got into, as where two connections feed one parser.

/** Six digits of base 36. From anywhere, so that two copies of this module on one client do not count alike. */
const TAGS = 36 ** 6
let last = Math.floor(Math.random() * TAGS)
let warned = false

/** The arguments of the script, with a tag before them. */
export function tagged(args: readonly string[]): string[] {
  last = (last + 1) % TAGS
  return [last.toString(36), ...args]
}

/** What the script has answered to these arguments. @throws {SessionStoreError} it is the answer to another call, or to none */
export function ownAnswer([tag, op]: readonly string[], answer: unknown): unknown {
  if (Array.isArray(answer) && answer.length === 3 && String(answer[0]) === tag && String(answer[2]) === tag) return answer[1]
  if (!warned) {
    warned = true
    process.emitWarning(
      'the Redis client hands out the answers of other commands; they are refused. Connect anew, and never while it is still connecting',
      { type: 'HoldfastWarning', code: 'HOLDFAST_REDIS_ANSWERS' },
    )
  }
  throw new SessionStoreError(`${op}: the client has handed out another command's answer`, { outcome: 'unknown' })
}
