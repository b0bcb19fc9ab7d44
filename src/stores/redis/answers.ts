import { SessionStoreError } from '../../core/errors.ts'

// A client library hands out answers in the order in which it has sent. Where it loses count, as when it is connected anew while an earlier
// attempt still goes on, each request gets the answer of another one, and with it somebody else's session; or what two connections bring
// is put together to one answer. So each call has a tag, which the script gives back before and behind what it says, and how much that is.
// No answer is taken that is not its own from one end to the other. It takes about 45 octets of a call.

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
  const [before, said, behind] = Array.isArray(answer) && answer.length === 3 ? answer : []
  if (String(before) === tag && String(behind) === `${tag}${sizeOf(said)}`) return said
  return refuse(op)
}

/** As the script counts: one for each value, and its octets. */
function sizeOf(said: unknown): number {
  if (Array.isArray(said)) return said.reduce<number>((all, one) => all + sizeOf(one), 1)
  return said === null ? 1 : 1 + Buffer.byteLength(String(said))
}

/** What WAIT has answered between the script's answer and the echo of its tag. @throws {SessionStoreError} it is another's */
export function ownCount([tag, op]: readonly string[], answers: readonly unknown[]): number {
  const [count, echo] = answers.map(String)
  if (answers.length === 2 && /^\d+$/.test(count ?? '') && echo === tag) return Number(count)
  return refuse(op)
}

function refuse(op: string | undefined): never {
  if (!warned) {
    warned = true
    process.emitWarning(
      'the Redis client hands out the answers of other commands; they are refused. Connect anew, and never while it is still connecting',
      { type: 'HoldfastWarning', code: 'HOLDFAST_REDIS_ANSWERS' },
    )
  }
  throw new SessionStoreError(`${op}: the client has handed out another command's answer`, { outcome: 'unknown' })
}
