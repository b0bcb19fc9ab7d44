import type { IndexedSessionStore } from '../../core/store.ts'
import { withStore } from '../clients/open.ts'
import type { Command, Io } from '../command.ts'
import { counted, example, json } from '../shared.ts'
import { storeOptions } from '../store-url.ts'

/** Small enough that no statement holds up the site for long. FileStore looks at ten records for each that it may remove. */
const BATCH = 5000
/** A store that walks a part at a time may find nothing in one of them. */
const EMPTY_ROUNDS = 3

/** `holdfast purge`: removes what has ended, for sites that have no clean-up of their own. */
export const purge: Command = {
  name: 'purge',
  summary: 'remove what ended over ten minutes ago',
  define(program, io) {
    json(storeOptions(program.usage('--store <url> [--json]'), 'store', 'where the sessions are'))
      .addHelpText('after', example('holdfast purge --store sqlite:sessions.db'))
      .action((options: { json?: true }) =>
        withStore({ ...options }, io, async store => {
          const removed = await removeAll(store, io)
          io.out(options.json ? JSON.stringify({ removed }) : `${counted(removed)} removed`)
        }),
      )
  },
}

async function removeAll(store: IndexedSessionStore, io: Io): Promise<number> {
  let removed = 0
  for (let empty = 0; empty < EMPTY_ROUNDS; ) {
    const count = await store.deleteExpired(BATCH)
    removed += count
    empty = count === 0 ? empty + 1 : 0
    io.progress?.(`${counted(removed)} removed`)
  }
  io.progress?.('')
  return removed
}
