import { describe, expect, it } from 'vitest'
import { type Conversation, type Env, play } from './conversation.ts'
import { full } from './full.ts'
import { holdfast, koaMajors, peer } from './subjects.ts'

/**
 * Plays each conversation on both libraries and on both majors of Koa, and expects one trace. `npm test` plays each on one of them, the
 * majors taking turns: what differs between them has its own conversations.
 */
export function compare(area: string, conversations: Conversation[]): void {
  for (const koa of koaMajors) {
    describe(`${area}, on Koa ${koa}`, () => {
      for (const [n, conversation] of conversations.entries()) {
        if (conversation.koa ? conversation.koa !== koa : !full && koaMajors[n % 2] !== koa) continue
        it(conversation.name, async () => {
          const theirs = await play(conversation, koa, peer)
          const ours = await play(conversation, koa, holdfast)
          const { differs } = conversation
          if (!differs) {
            expect(ours).toStrictEqual(theirs)
            return
          }
          expect(theirs.exchanges, 'what koa-session does').toMatchObject(differs.peer)
          expect(ours.exchanges, `what Holdfast does: ${differs.because}`).toMatchObject(differs.holdfast)
          expect(ours, 'a difference that is none any more').not.toEqual(theirs)
        })
      }
    })
  }
}

export type Script = Omit<Conversation, 'options'> & { options?: object | ((env: Env) => object) }

export const inStore = (env: Env) => ({ store: env.store, genid: env.genid })

/** The same script in cookie mode and with a store; `options` are those of both, or make them. */
export function inBothModes({ options = {}, ...script }: Script): Conversation[] {
  const common = (env: Env) => ({ ...(typeof options === 'function' ? options(env) : options) })
  return [
    { ...script, name: `${script.name}, in cookie mode`, options: common },
    { ...script, name: `${script.name}, with a store`, options: env => ({ ...common(env), ...inStore(env) }) },
  ]
}
