// MongoStore's engine goes away and comes back, and loses its connections. It is DocumentDB, behind a bridge that
// speaks MongoDB's protocol: fail-overs of a replica set are not played, and neither is what MongoDB's own server does in a crash.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type DocumentDB, startDocumentDB, whyNoDocumentDB } from '../servers/documentdb.ts'
import { full } from '../support/full.ts'
import { type FaultOptions, underFault } from './fault.ts'
import { build } from './site.ts'
import { mostUntil, stuckPool, tableOf, targetOn, withSmallPool } from './stores.ts'

vi.setConfig({ testTimeout: 300_000 })

const PROGRAMS = `FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

const missing = process.env.MONGODB_URL ? 'the server of MONGODB_URL is not to be ended by tests' : whyNoDocumentDB()

if (full && missing) console.warn(`SKIPPED: MongoStore under faults: ${missing}`)

describe.runIf(full)('MongoStore', () => {
  describe.skipIf(missing)(missing ? `under faults (skipped: ${missing})` : 'under faults', () => {
    let server: DocumentDB
    beforeAll(async () => {
      build()
      server = await startDocumentDB()
    }, 300_000)
    afterAll(() => server?.stop())

    const target = () => targetOn(server, 'MongoStore on DocumentDB')
    const play = (options: Omit<FaultOptions, 'store' | 'target' | 'promised'> & { target?: FaultOptions['target'] }) =>
      underFault({ store: 'DocumentDB', target: target(), promised: true, ...options })

    /** To the engine itself. */
    async function connect(): Promise<Client> {
      const client = new Client({ host: '127.0.0.1', port: server.enginePort ?? 0, user: 'postgres', database: 'postgres' })
      client.on('error', () => {})
      await client.connect()
      return client
    }

    test('SIGKILL of the engine and of the way to it, and crash recovery', async () => {
      await play({
        fault: 'SIGKILL of all its processes, and crash recovery',
        recovery: 20_000,
        async inject({ load }) {
          await server.kill()
          await load.moreFailed(20)
          await server.start()
        },
      })
    })

    test('all connections are ended, again and again', async () => {
      const rounds = 15
      await play({
        fault: 'all connections ended, again and again',
        async inject({ load }) {
          const admin = await connect()
          let ended = 0
          for (let round = 0; round < rounds; round++) {
            ended += (await admin.query(`SELECT pg_terminate_backend(pid) ${PROGRAMS}`)).rowCount ?? 0
            await load.moreAcknowledged(8)
          }
          await admin.end()
          expect(ended).toBeGreaterThanOrEqual(rounds)
          return `${ended} connections ended in ${rounds} rounds`
        },
      })
    })

    test('a pool of two connections, and a stranger who holds the documents: requests fail in time, and all goes on when they are free', async () => {
      const small = withSmallPool(target())
      let most = 0
      await play({
        ...stuckPool(small),
        async inject({ load }) {
          const [admin, stranger] = [await connect(), await connect()]
          // The engine keeps the documents of a collection as rows.
          const find = 'SELECT collection_id AS id FROM documentdb_api_catalog.collections WHERE collection_name = $1'
          const { id } = (await admin.query<{ id: string }>(find, [tableOf(small)])).rows[0] as { id: string }
          await stranger.query('BEGIN')
          const { rowCount } = await stranger.query(`SELECT 1 FROM documentdb_data.documents_${id} FOR UPDATE`)
          const backends = async () => Number((await admin.query(`SELECT count(*) AS n ${PROGRAMS}`)).rows[0].n)
          most = await mostUntil(load.moreFailed(60), backends)
          await stranger.query('ROLLBACK')
          await stranger.end()
          await admin.end()
          expect(rowCount).toBeGreaterThan(0)
          return `${rowCount} documents were locked; the engine saw at most ${most} connections`
        },
      })
      expect(most).toBeLessThanOrEqual(40)
    })
  })
})
