import { processWarnings } from '../create.ts'
import { isSessions, type Sessions } from './sessions.ts'

export function mustBeSessions(sessions: unknown): asserts sessions is Sessions<object> {
  if (!isSessions(sessions)) throw new TypeError('sessions must be the manager that createSessions(…) has made')
}

/** What a plan says of a manager, whatever the framework is. */
export function planOf(sessions: unknown) {
  mustBeSessions(sessions)
  const { manager, explains } = sessions
  return { sessions, manager, explains, noStore: true, warnings: processWarnings(), tell: sessions.tell.bind(sessions) } as const
}
