import { withStore } from '../clients/open.ts'
import type { Command, Io } from '../command.ts'
import { example, isoTime, json, table, wholeNumber } from '../shared.ts'
import { DEFAULT_SCOPE, type ListedSession, storeAdmin } from '../store-admin.ts'
import { storeOptions } from '../store-url.ts'

interface Options {
  user?: string
  scope: string
  limit: string
  cursor?: string
  json?: true
}

/** `holdfast list`: a user's sessions, or everybody's by pages. */
export const list: Command = {
  name: 'list',
  summary: "list a user's live sessions, or all by pages",
  define(program, io) {
    json(storeOptions(program.usage('--store <url> [--user <id>] [--json]'), 'store', 'where the sessions are'))
      .option('--user <id>', "the app's own name for the user; without it: everybody")
      .option('--scope <name>', "the cookie's name, or the option scope of createSessions", DEFAULT_SCOPE)
      .option('--limit <n>', 'without --user: about how many at once; 1 to 10000', '100')
      .option('--cursor <text>', 'without --user: where the page begins, as the last page has said')
      .addHelpText('after', example('holdfast list --store-env DATABASE_URL --user ann --json'))
      .action((options: Options) => withStore({ ...options }, io, store => run(storeAdmin(store, options.scope, io.now), options, io)))
  },
}

async function run(admin: ReturnType<typeof storeAdmin>, { user, limit, cursor, json }: Options, io: Io): Promise<void> {
  if (user !== undefined) return show(await admin.listUser(user), json, io)
  const page = await admin.page({ limit: wholeNumber('--limit', limit, 1, 10_000), ...(cursor !== undefined && { cursor }) })
  show(page.sessions, json, io)
  // Beside the list, so that each line of stdout is a session.
  if (page.cursor !== null) io.err(json ? JSON.stringify({ cursor: page.cursor }) : `more: --cursor ${page.cursor}`)
}

function show(sessions: readonly ListedSession[], json: true | undefined, { out }: Io): void {
  if (json) {
    for (const session of sessions) out(JSON.stringify(timed(session)))
    return
  }
  if (sessions.length === 0) {
    out('no sessions')
    return
  }
  const rows = sessions.map(session => {
    const { handle = '-', userId = '-', createdAt, touchedAt, expiresAt } = session
    return [handle, printable(userId), since(createdAt), since(touchedAt), isoTime(expiresAt)]
  })
  out(table([['HANDLE', 'USER', 'SINCE', 'LAST USED', 'ENDS'], ...rows]))
}

function timed({ createdAt, authenticatedAt, touchedAt, expiresAt, ...names }: ListedSession): object {
  return {
    ...names,
    createdAt: createdAt > 0 ? isoTime(createdAt) : null,
    ...(authenticatedAt !== undefined && { authenticatedAt: isoTime(authenticatedAt) }),
    touchedAt: touchedAt > 0 ? isoTime(touchedAt) : null,
    expiresAt: isoTime(expiresAt),
  }
}

/** 0: nobody knows, as of a session that another library has begun. */
const since = (ms: number) => (ms > 0 ? isoTime(ms) : '-')

/** A user's name may hold what moves the cursor of a terminal. */
const printable = (text: string) =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\u009f]/g, '?')
