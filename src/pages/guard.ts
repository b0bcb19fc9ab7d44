import { judgeCsrf, originsOf } from '../core/csrf.ts'
import { SessionNotFreshError } from '../core/errors.ts'
import { requireFresh } from '../core/functions.ts'
import type { Duration } from '../core/options.ts'
import type { AccountSessions, PageRequest } from './port.ts'

/** The field of a page's forms that holds their token. */
export const TOKEN_FIELD = '_csrf'

/** Whether a form was sent by a page of ours. */
export type SentByUs = (request: PageRequest, form: URLSearchParams) => boolean

/**
 * The project's own rule (`core/csrf.ts`), with the token that our forms carry. Without `origins` nobody can say whose an Origin is, so it
 * decides nothing: where there is no Sec-Fetch-Site either, the token does.
 */
export function csrfCheck(sessions: AccountSessions, origins: readonly string[] | undefined): SentByUs {
  const own = originsOf('origins', origins ?? [])
  return (request, form) => {
    const header = (name: string) => (name === 'origin' && origins === undefined ? undefined : request.header(name))
    const valid = (token: string) => sessions.csrf.valid(request.session ?? null, token)
    return judgeCsrf({ method: request.method, header, token: form.get(TOKEN_FIELD) ?? undefined }, { origins: own, valid }).ok
  }
}

/** Whether the user of this session has proved of late who they are. */
export function isFresh(session: object, within: Duration): boolean {
  try {
    requireFresh(session, within)
    return true
  } catch (error) {
    if (error instanceof SessionNotFreshError) return false
    throw error
  }
}

/** Whether a link of another site has led here. What such a link says shall not be shown as our word. */
export function cameFromOutside(request: PageRequest): boolean {
  const site = request.header('sec-fetch-site')
  return site === 'cross-site' || site === 'same-site'
}
