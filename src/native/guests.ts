import { VERSION } from '../backends/shaped.ts'
import type { Loaded } from '../core/backend.ts'
import { isUsers } from '../core/drafts.ts'
import type { Data } from '../core/json.ts'
import { GUARD } from '../create.ts'
import { userBy } from './beside.ts'
import type { CreateSessionsOptions } from './options.ts'

type Options = Pick<CreateSessionsOptions<never>, 'user' | 'guard' | 'migrate' | 'version'>

/**
 * Whose session it is by data that another library has written; undefined: nobody's, or nobody can say. Absent where they are of an
 * older layout, or the site has not said how to tell.
 */
export function takenOverUserOf({ user, migrate }: Options): ((data: Data) => string | undefined) | undefined {
  const by = userBy(user)
  return by && !migrate ? data => attempt(() => by(data as never)) : undefined
}

/** Whether these data are of nobody. A site that has not said whose sessions are may know its users by anything in them. */
export function guestDataOf({ user, guard = GUARD, migrate }: Options): ((data: Data) => boolean) | undefined {
  if (!user || migrate) return undefined
  return data => attempt(() => !isUsers({ guard }, user(data as never) ?? undefined, data)) ?? false
}

/** The same of a session. Data of an older layout are not looked at. */
export function guestsOf(options: Options): ((session: Loaded) => boolean) | undefined {
  const isGuest = guestDataOf({ ...options, migrate: undefined })
  const { version = 0 } = options
  return (
    isGuest &&
    (session =>
      session.userId === undefined &&
      session.life.authenticatedAt === undefined &&
      (session.meta?.[VERSION] ?? 0) === version &&
      isGuest(session.take()))
  )
}

/** What the site's function says of data that it may not have been written for. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
