// Writes that gave up, because another program had the lock, leave nothing on their handle: no write after them waits for it, and none is
// undone with it.
import { join } from 'node:path'
import { SqliteStore } from 'holdfast/stores/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { recordMaker } from '../../src/testing/records.ts'
import { temporaryFolder } from '../servers/process.ts'
import { opener } from './clients/sqlite.mjs'

const here = ['libsql', 'better-sqlite3', 'node:sqlite'].filter(client => opener(client))
/** How long a call waits for the lock, in ms. */
const PATIENCE = 30

describe.each(here)('SqliteStore with %s', client => {
  async function opened() {
    const folder = temporaryFolder('sqlite')
    const open = opener(client)
    if (!open) throw new Error(`there is no ${client}`)
    const [own, strange] = [open(join(folder.path, 'sessions.db')), open(join(folder.path, 'sessions.db'))]
    const [store, stranger] = [own, strange].map(handle => new SqliteStore(handle, { cleanupInterval: false })) as [
      SqliteStore,
      SqliteStore,
    ]
    onTestFinished(() => {
      own.close()
      strange.close()
      folder.remove()
    })
    await store.migrate()
    await stranger.migrate()
    return { store, stranger, strange }
  }

  it('a write after two that gave up is there, for all, and the next ones do not undo it', async () => {
    const { store, stranger, strange } = await opened()
    const { record } = recordMaker(Date.now)
    const [one, two, three] = [record(), record(), record()]
    for (const made of [one, two]) expect(await store.create(made)).toBe(true)
    const changed = (of: typeof one, data: string) => ({ ...of, data, version: `${data}${of.version}`.slice(0, 16) })
    const [first, second] = [changed(one, '{"a":1}'), changed(two, '{"b":1}')]

    strange.exec('BEGIN IMMEDIATE')
    const late = [store.save(first, one.version, PATIENCE), store.delete(two.key, 'destroyed', PATIENCE), store.create(three, PATIENCE)]
    const refusal = { code: 'HOLDFAST_STORE', outcome: 'not-applied' }
    await Promise.all(late.map(work => expect(work).rejects.toMatchObject(refusal)))
    strange.exec('COMMIT')
    // What another one has written meanwhile makes what is unfinished an old reader.
    expect(await stranger.save(second, two.version)).toEqual({ status: 'saved' })

    expect(await store.save(first, one.version)).toEqual({ status: 'saved' })
    expect(await stranger.load(one.key)).toMatchObject({ data: '{"a":1}' })
    expect(await store.create(three)).toBe(true)
    expect(await stranger.load(three.key)).toMatchObject({ data: three.data })
    expect(await store.delete(two.key, 'destroyed')).toBe(true)
    for (const other of [store, stranger]) {
      expect(await other.load(one.key)).toMatchObject({ data: '{"a":1}' })
      expect(await other.load(two.key)).toEqual({ gone: 'destroyed' })
    }
  })
})
