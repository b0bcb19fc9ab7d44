import type { Answer, Gate, Handler, Visitor } from '../promises/support.ts'

/** A handler that has its session before it waits, and goes on with what it got. */
export function heldAt(late: Gate, then: Handler): Handler {
  return async turn => {
    void turn.session?.anything
    await late.pass()
    return then(turn)
  }
}

/** While `slow` waits at the gate, the same visitor's `others` are answered, one after another; then it goes on. */
export async function overtake(visitor: Visitor, late: Gate, slow: string, ...others: string[]): Promise<Answer> {
  const answer = visitor.get(slow)
  await late.reached
  for (const path of others) await visitor.get(path)
  late.open()
  return answer
}

/** Tells the errors of a handler's calls and lets it go on. */
export async function outcomes(...calls: (() => Promise<unknown>)[]): Promise<string> {
  const told: string[] = []
  for (const call of calls) {
    told.push(
      await call().then(
        () => 'done',
        (error: Error) => error.name,
      ),
    )
  }
  return told.join(' ')
}
