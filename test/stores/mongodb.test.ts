import { testSessionStore } from 'holdfast/testing'
import { afterAll, describe, it, vi } from 'vitest'
import { open } from './clients/mongodb.mjs'
import { describeWithDocumentDB } from './mongodb-support.ts'
import type { Opened } from './opened.ts'

vi.setConfig({ testTimeout: 60_000 })

describeWithDocumentDB('MongoStore', ground => {
  const opened: Opened[] = []
  afterAll(async () => {
    await Promise.all(opened.map(({ end }) => end()))
  })

  testSessionStore({
    describe,
    it,
    // The engine takes some ms for a command.
    runs: 15,
    create: async ({ space, now }) => {
      const made = await open({ url: ground.server.url, space, now })
      opened.push(made)
      ground.remove(`sessions_${space}`)
      return made.store
    },
  })
})
