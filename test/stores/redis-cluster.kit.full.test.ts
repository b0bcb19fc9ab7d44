import { testSessionStore } from 'holdfast/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startRedisCluster } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { open } from './clients/redis.mjs'
import type { Opened } from './opened.ts'

let server: TestServer
const opened: Opened[] = []

beforeAll(async () => {
  server = await startRedisCluster()
})

afterAll(async () => {
  await Promise.all(opened.map(({ end }) => end()))
  await server?.stop()
})

describe.each(['ioredis', 'node-redis'])('RedisStore as a Cluster with %s', client => {
  testSessionStore({
    describe,
    it,
    create: async ({ space, now }) => {
      const made = await open({ url: server.url, space, now, client })
      opened.push(made)
      return made.store
    },
  })
})
