// One process among several on a SQLite file, on the built package. It says when it is ready, waits for the word, and does its work.
import { once } from 'node:events'
import { open } from './clients/sqlite.mjs'

const { url, client, work, name, times } = JSON.parse(process.argv[2] ?? '')
let versions = 0
const version = () => `${name}${++versions}`.padStart(16, '_')
const record = (key, n, part = {}) => {
  const now = Date.now()
  return {
    key,
    partition: '',
    data: `{"n":${n}}`,
    version: version(),
    createdAt: now,
    touchedAt: now,
    idleMs: 6e5,
    expiresAt: now + 6e5,
    ...part,
  }
}
const { store, end } = await open({ url, space: 'shared', client })

const works = {
  /** Increments one record, compare-and-set. */
  async increment() {
    await store.create(record('counter', 0))
    for (let done = 0; done < times; ) {
      const { data, version: seen } = await store.load('counter')
      const { status } = await store.save(record('counter', JSON.parse(data).n + 1), seen)
      if (status === 'saved') done++
    }
    return times
  },
  /** Logs one user in, again and again. */
  async login() {
    const keys = []
    for (let n = 0; n < times; n++) {
      const made = record(`${name}-${n}`, n, { userKey: 'alice' })
      if (await store.create(made)) keys.push(made.key)
    }
    return keys
  },
  /** Tries to move sessions that all the others want to move too. */
  async move() {
    const moved = []
    for (let n = 0; n < times; n++) {
      const fresh = record(`${name}-moved-${n}`, n)
      const { status } = await store.replace(`old-${n}`, `old-${n}`, fresh, 'rotated')
      if (status === 'replaced') moved.push(fresh.key)
    }
    return moved
  },
  /** Writes until it is killed, and says each thing once it has been acknowledged. */
  async write() {
    for (let n = 1; ; n++) {
      const made = record(`${name}-${n}`, 0, { userKey: 'alice' })
      if (!(await store.create(made))) throw new Error('there already')
      process.send(['created', made.key])
      const saved = record(made.key, n, { userKey: 'alice' })
      if ((await store.save(saved, made.version)).status !== 'saved') throw new Error('not saved')
      process.send(['saved', made.key, saved.data])
      if (n % 3 === 0 && (await store.delete(made.key, 'destroyed'))) process.send(['deleted', made.key])
    }
  },
}

process.send(['ready'])
await once(process, 'message')
process.send(['done', await works[work]()])
if (work !== 'increment') await end()
// Nothing of a store, closed or not, keeps a process alive.
process.disconnect()
