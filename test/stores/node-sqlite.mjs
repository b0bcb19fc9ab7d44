// The conformance kit on `node:sqlite`, by Node's own test runner, on the built package: `node --test test/stores/node-sqlite.mjs`, Node 22.16 or newer.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { testSessionStore } from 'holdfast/testing'
import { open } from './clients/sqlite.mjs'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-node-sqlite-'))
const ends = []

describe('SqliteStore with node:sqlite', () => {
  after(async () => {
    for (const end of ends) await end()
    rmSync(folder, { recursive: true, force: true })
  })
  testSessionStore({
    describe,
    it,
    create: async ({ space, now }) => {
      const { store, end } = await open({ url: folder, space, now, client: 'node:sqlite' })
      ends.push(end)
      return store
    },
  })
})
