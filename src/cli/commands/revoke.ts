import { withStore } from '../clients/open.ts'
import { type Command, CommandError, type Io, UsageError } from '../command.ts'
import { counted, example, json } from '../shared.ts'
import { DEFAULT_SCOPE, type StoreAdmin, storeAdmin } from '../store-admin.ts'
import { storeOptions } from '../store-url.ts'

interface Options {
  user?: string
  handle?: string
  all?: true
  scope: string
  json?: true
}

/** `holdfast revoke`: ends one session of a user, all of them, or everybody's. */
export const revoke: Command = {
  name: 'revoke',
  summary: "end one session, a user's, or everybody's",
  define(program, io) {
    json(storeOptions(program.usage('--store <url> (--user <id> [--handle <handle>] | --all) [--json]'), 'store', 'where the sessions are'))
      .option('--user <id>', "the app's own name for the user: all of the user's sessions, and logins that are under way")
      .option('--handle <handle>', 'with --user: only this one, as list has named it')
      .option('--all', 'the sessions of all users of this scope')
      .option('--scope <name>', "the cookie's name, or the option scope of createSessions", DEFAULT_SCOPE)
      .addHelpText('after', example('holdfast revoke --store-env DATABASE_URL --user ann'))
      .action((options: Options) => {
        check(options)
        return withStore({ ...options }, io, store => run(storeAdmin(store, options.scope, io.now), options, io))
      })
  },
}

function check({ user, handle, all }: Options): void {
  if ((user === undefined) === (all === undefined)) throw new UsageError('whose sessions? --user or --all is needed, and not both')
  if (all && handle !== undefined) throw new UsageError('--handle names a session of one user: it goes with --user')
}

async function run(admin: StoreAdmin, { user, handle, json }: Options, { out }: Io): Promise<void> {
  const revoked = await end(admin, user, handle)
  out(json ? JSON.stringify({ revoked }) : `${counted(revoked)} ended`)
}

async function end(admin: StoreAdmin, user: string | undefined, handle: string | undefined): Promise<number> {
  if (user === undefined) return admin.revokeEveryone()
  if (handle === undefined) return admin.revokeUser(user)
  if (await admin.revoke(user, handle)) return 1
  throw new CommandError('this user has no live session of that handle')
}
