import type { IndexedSessionStore } from '../../core/store.ts'
import { areOnePlace } from '../../stores/migrating/move.ts'
import { openStore } from '../clients/open.ts'
import { type Command, CommandError, type Io, UsageError } from '../command.ts'
import { copyRecord, moveRecord } from '../migrate/copy.ts'
import { holdfastSource } from '../migrate/holdfast-source.ts'
import { type Layout, openPeer, originOf, type SourceOptions } from '../migrate/open-source.ts'
import { asCopy } from '../migrate/own-copy.ts'
import { type Migration, migrateAll, RefusedError, type Tally } from '../migrate/run.ts'
import { counted, example, json, lines } from '../shared.ts'
import { type StoreAddress, storeAddress, storeOptions } from '../store-url.ts'

interface Options {
  layout: string
  scope?: string
  userPath?: string
  idPrefix?: string
  columns?: string
  online?: true
  final?: true
  json?: true
}

/** By layout: the cookie's name that the library has unless the site has set one. */
const SCOPES: Readonly<Record<Layout, string>> = { holdfast: '', 'express-session': 'connect.sid', 'koa-session': 'koa.sess' }

/** `holdfast migrate`: sessions go from one store to another, and nobody is logged out. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'bring all sessions from one store to another',
  define(program, io) {
    const usage = program.usage('--from <url> --to <url> [--layout <layout>] [--online | --final] [--json]')
    json(storeOptions(storeOptions(usage, 'from', 'where the sessions are'), 'to', 'where they shall be'))
      .option('--layout <layout>', `how they are stored there: ${Object.keys(SCOPES).join(', ')}`, 'holdfast')
      .option('--scope <name>', 'the name of the cookie, where they are not of Holdfast; default connect.sid or koa.sess')
      .option('--user-path <path>', "where in their data the user's id is, such as passport.user: listed and revoked by it at once")
      .option('--id-prefix <text>', 'only ids that begin so: the option prefix of koa-session')
      .option('--columns <names>', 'the columns id,data,expires of the table, where they are not those of the usual store')
      .option('--online', 'the site is running, with migratingStore in all of its processes: each session is moved')
      .option('--final', 'the last of several runs, with the site stopped: what has ended in the source ends in the target')
      .addHelpText('after', example('holdfast migrate --from-env REDIS_URL --layout express-session --to-env DATABASE_URL'))
      .action((options: Options) => run({ ...options }, io))
  },
}

async function run(options: Options & Record<string, unknown>, io: Io): Promise<void> {
  const layout = check(options)
  if (options.from === '-' && options.to === '-') throw new UsageError('only one of --from and --to can come from standard input')
  const from = await storeAddress('from', options, io)
  const to = await storeAddress('to', options, io)
  if (layout === 'holdfast' && placeOf(from) === placeOf(to)) throw new UsageError('--from and --to are the same store')
  const target = await openStore(to, io, { mayMake: true })
  try {
    const began = performance.now()
    const tally = await carryAll(from, target.store, { ...options, layout }, io)
    const seconds = Math.round((performance.now() - began) / 100) / 10
    io.out(options.json ? JSON.stringify({ ...tally, seconds }) : textOf(tally, seconds))
    // Which of the two is newer nobody can tell here: a site has written in the target, or it was no copy of this source.
    if (layout === 'holdfast' && !options.online && tally.kept > 0)
      throw new CommandError(
        `${counted(tally.kept)} of the sessions differ in the target and are no copies as they were made: they were left as they are`,
      )
  } finally {
    await target.store.close()
    await target.end()
  }
}

function check({ layout, scope, userPath, idPrefix, columns, online, final }: Options): Layout {
  if (!Object.hasOwn(SCOPES, layout)) throw new UsageError(`--layout must be one of ${Object.keys(SCOPES).join(', ')}`)
  const isOwn = layout === 'holdfast'
  const forPeers = Object.entries({
    '--scope': scope,
    '--user-path': userPath,
    '--id-prefix': idPrefix,
    '--columns': columns,
    '--final': final,
  })
  const [misplaced] = forPeers.find(([, value]) => isOwn && value !== undefined) ?? []
  if (misplaced) throw new UsageError(`${misplaced} is for the sessions of another library: --layout says which`)
  if (online && !isOwn) {
    throw new UsageError(
      '--online needs the layout holdfast: stores of another library know no compare-and-set. Copy while the site runs, stop it, and copy again with --final',
    )
  }
  return layout as Layout
}

type Chosen = Omit<Options, 'layout'> & { layout: Layout }

async function carryAll(from: StoreAddress, to: IndexedSessionStore, options: Chosen, io: Io): Promise<Tally> {
  const { migration, end } = await migrationOf(from, to, options, io)
  const said = progressOn(io)
  try {
    return await migrateAll({ ...migration, to, final: options.final === true, ...(said && { progress: said }) })
  } catch (error) {
    if (error instanceof RefusedError) throw error
    throw new CommandError('stopped before the end; started again, it goes on', { cause: error })
  } finally {
    io.progress?.('')
    await end()
  }
}

async function migrationOf(from: StoreAddress, to: IndexedSessionStore, options: Chosen, io: Io) {
  const { layout, online, scope, userPath, idPrefix, columns } = options
  if (layout !== 'holdfast') {
    const settings: SourceOptions = { layout, scope: scope ?? SCOPES[layout], userPath, idPrefix, columns, now: io.now }
    const origin = originOf(from, settings)
    const source = await openPeer(from, { ...settings, layout, origin }, io)
    const carry: Migration['carry'] = record => copyRecord(record, to, origin)
    return { migration: { source, origin, carry } satisfies Partial<Migration>, end: () => source.end() }
  }
  const opened = await openStore(from, io)
  const source = holdfastSource(opened)
  // One place by two names: a move would end the only copy.
  if (await areOnePlace({ from: opened.store, to }, () => undefined)) {
    await source.end()
    throw new UsageError('--from and --to are the same store')
  }
  const origin = originOf(from, { layout, scope: '', idPrefix })
  const carry: Migration['carry'] = online
    ? record => moveRecord(record, opened.store, to)
    : record => copyRecord(asCopy(record, origin), to, origin)
  return { migration: { source, origin, carry } satisfies Partial<Migration>, end: () => source.end() }
}

/** The place without what only opens it. */
function placeOf(address: StoreAddress): string {
  const where = 'url' in address ? address.url.replace(/\/\/.*@/, '//') : address.path
  return JSON.stringify([address.kind, where, address.part])
}

function progressOn({ progress }: Io): Migration['progress'] | undefined {
  if (!progress) return undefined
  const began = performance.now()
  return ({ copied, there, updated, ownerChanged, kept, ended, unreadable, expired }, total) => {
    const done = copied + there + updated + ownerChanged + kept + ended + unreadable + expired
    const rate = Math.round(done / Math.max(0.001, (performance.now() - began) / 1000))
    const share = total ? ` of ${counted(total)} (${Math.min(100, Math.floor((done / total) * 100))} %)` : ''
    progress(`${counted(done)}${share}, ${counted(rate)} a second`)
  }
}

function textOf(tally: Tally, seconds: number): string {
  return lines([
    ['copied and compared', counted(tally.copied)],
    ['there already', counted(tally.there)],
    ['brought up to date', counted(tally.updated)],
    ['owner changed', counted(tally.ownerChanged)],
    ['newer in the target, kept', counted(tally.kept)],
    ['ended meanwhile', counted(tally.ended)],
    ['had expired', counted(tally.expired)],
    ['no sessions of this layout', counted(tally.unreadable)],
    ['ended in the source since', counted(tally.removed)],
    ['seconds', String(seconds)],
  ])
}
