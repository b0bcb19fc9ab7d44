import { expect, it } from 'vitest'
import { expressToPostgres, koaToSqlite } from './migrate-peers.ts'

/** `npm run test:full` says 100000. */
const SIZE = Number(process.env.HOLDFAST_MIGRATED ?? 1000)
const LIMIT_MS = 60_000 + SIZE * 6

it('is of a size that can be killed half-way', () => expect(SIZE).toBeGreaterThanOrEqual(1000))

it('killed half-way and resumed: express-session in Redis to PostgreSQL, and nobody is logged out', () => expressToPostgres(SIZE), LIMIT_MS)

it('killed half-way and resumed: koa-session to SQLite, and nobody is logged out', () => koaToSqlite(SIZE), LIMIT_MS)
