// A process that works on a folder of sessions with the built package, as it is told by its arguments, and says what it was answered.
// Each line leaves the process before the next call is made: what was said was acknowledged, also if the process is killed then.
import { writeSync } from 'node:fs'
import { open } from './clients/file.mjs'

const { url, space, work, name, keys, count } = JSON.parse(process.argv[2] ?? '')
const { store } = await open({ url, space })
const say = line => writeSync(1, `${JSON.stringify(line)}\n`)
const LIFE = 3_600_000
let versions = 0
const record = (key, data, part = {}) => {
  const now = Date.now()
  return {
    ...{ key, partition: '', data: JSON.stringify(data), version: `${name}-${++versions}`, createdAt: now },
    ...{ touchedAt: now, idleMs: LIFE, expiresAt: now + LIFE, ...part },
  }
}

/** Adds one to a number, again until it is done. */
async function increment(key) {
  for (;;) {
    const found = await store.load(key)
    if (!found || 'gone' in found) return null
    const next = record(key, { n: JSON.parse(found.data).n + 1 }, { touchedAt: found.touchedAt + 1, expiresAt: found.expiresAt })
    const { status } = await store.save(next, found.version)
    if (status === 'saved') return JSON.parse(next.data).n
    if (status === 'missing') return null
  }
}

const works = {
  async increments() {
    for (let n = 0; n < count; n++) {
      for (const key of keys) say({ key, n: await increment(key) })
      if (n % 10 === 0) for (const key of keys) await store.touch(key, { touchedAt: Date.now(), expiresAt: Date.now() + LIFE })
    }
  },
  /** Everybody wants to create, replace and end the same sessions. */
  async races() {
    for (let n = 0; n < count; n++) {
      const [first, second] = [`${keys[0]}-${n}`, `${keys[0]}-${n}-${name}`]
      const created = await store.create(record(first, { n: 0 }, { userKey: `user-${keys[0]}` }))
      say({ do: 'create', key: first, done: created })
      await increment(first)
      const found = await store.load(first)
      if (found && !('gone' in found)) {
        const { status } = await store.replace(
          first,
          found.version,
          record(second, { n: 1 }, { userKey: `user-${keys[0]}` }),
          'regenerated',
        )
        say({ do: 'replace', old: first, key: second, status })
      }
      const ended = n % 2 === 0 && (await store.delete(first, 'destroyed'))
      say({ do: 'delete', key: first, done: ended, dead: n % 2 === 0 })
    }
  },
  /** Until it is killed. */
  async endless() {
    for (let n = 0; ; n++) {
      const key = `${name}-${n}`
      const made = record(key, { n: 0 }, { userKey: `user-${name}` })
      if (await store.create(made)) say({ key, state: { n: 0 } })
      for (let saves = 1; saves <= 3; saves++) say({ key, state: { n: await increment(key) } })
      if (n % 3 === 0 && (await store.delete(key, 'destroyed'))) say({ key, state: 'gone' })
      if (n % 3 !== 1) continue
      const found = await store.load(key)
      const { status } = await store.replace(key, found.version, record(`${key}-next`, { n: 9 }, { userKey: `user-${name}` }), 'rotated')
      if (status !== 'replaced') throw new Error(status)
      say({ key, state: 'gone' })
      say({ key: `${key}-next`, state: { n: 9 } })
    }
  },
}

await works[work]()
await store.close()
say('done')
