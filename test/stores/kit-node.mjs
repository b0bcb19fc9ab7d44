// The kit as an author of a store runs it: on the built package, under Node's own runner.
import { describe, it } from 'node:test'
import { MemoryStore } from 'holdfast/stores/memory'
import { testSessionStore } from 'holdfast/testing'

const spaces = new Map()

testSessionStore({
  describe,
  it,
  create: ({ space, now }) => {
    const store = spaces.get(space) ?? new MemoryStore({ now })
    spaces.set(space, store)
    return store
  },
})
