import { update } from 'holdfast'
import type { Handler } from '../../promises/support.ts'

/** Counts up by an update. */
export const increment: Handler = async turn => {
  await update(turn.session, (draft: { n?: number }) => {
    draft.n = (draft.n ?? 0) + 1
  })
  return 'added'
}

/** Sets these keys by an update. */
export function updateWith(data: object): Handler {
  return async turn => {
    await update(turn.session, (draft: object) => {
      Object.assign(draft, data)
    })
    return 'updated'
  }
}

/** All that the session holds, as JSON. */
export const tell: Handler = turn => JSON.stringify(turn.session)
