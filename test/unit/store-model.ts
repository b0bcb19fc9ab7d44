// Random commands against a store and against a model of a store: both must answer the same, always.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Gone, GoneReason, SessionRecord } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'

type Entry = SessionRecord | (Gone & { until: number })

/** The contract in its plainest form. */
class Model {
  readonly entries = new Map<string, Entry>()
  readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  entry(key: string): Entry | undefined {
    const found = this.entries.get(key)
    if (!found) return undefined
    const end = 'gone' in found ? found.until : Math.min(found.expiresAt, found.absoluteExpiresAt ?? found.expiresAt)
    if (end >= this.now()) return found
    this.entries.delete(key)
    return undefined
  }

  live(key: string): SessionRecord | undefined {
    const found = this.entry(key)
    return found && !('gone' in found) ? found : undefined
  }

  load(key: string): SessionRecord | Gone | null {
    const found = this.entry(key)
    if (!found) return null
    return 'gone' in found ? { gone: found.gone } : found
  }

  create(record: SessionRecord): boolean {
    const found = this.entry(record.key)
    if (found) return !('gone' in found) && found.version === record.version
    this.entries.set(record.key, record)
    return true
  }

  save(record: SessionRecord, expected: string): unknown {
    const found = this.live(record.key)
    if (!found) return { status: 'missing' }
    if (found.version === record.version) return { status: 'saved' }
    if (found.version !== expected) return { status: 'conflict', current: found }
    this.entries.set(record.key, record)
    return { status: 'saved' }
  }

  replace(oldKey: string, expected: string, record: SessionRecord, reason: GoneReason): unknown {
    const found = this.live(oldKey)
    if (!found) return this.live(record.key)?.version === record.version ? { status: 'replaced' } : { status: 'missing' }
    if (found.version !== expected) return { status: 'conflict', current: found }
    if (this.entry(record.key)) return { status: 'denied' }
    this.bury(oldKey, reason)
    this.entries.set(record.key, record)
    return { status: 'replaced' }
  }

  touch(key: string, { touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }): boolean {
    const found = this.live(key)
    if (!found) return false
    let end = found.expiresAt
    if (touchedAt >= found.touchedAt)
      end = Math.max(end, Math.min(expiresAt, touchedAt + found.idleMs, found.absoluteExpiresAt ?? expiresAt))
    this.entries.set(key, { ...found, touchedAt: Math.max(touchedAt, found.touchedAt), expiresAt: end })
    return true
  }

  delete(key: string, reason: GoneReason): boolean {
    const found = this.entry(key)
    if (found && 'gone' in found) return false
    this.bury(key, reason)
    return found !== undefined
  }

  bury(key: string, gone: GoneReason): void {
    this.entries.set(key, { gone, until: this.now() + 60_000 })
  }
}

const key = fc.constantFrom('a', 'b', 'c')
const reason = fc.constantFrom<GoneReason>('destroyed', 'regenerated', 'revoked')
const version = fc.constantFrom('the current one', 'v1', 'v2', 'v3', '')
const life = fc.record({
  idleMs: fc.integer({ min: 1, max: 200_000 }),
  absoluteMs: fc.option(fc.integer({ min: 1, max: 300_000 })),
  owned: fc.boolean(),
  version,
  n: fc.nat(),
})
const command = fc.oneof(
  fc.record({ do: fc.constant('load' as const), key }),
  fc.record({ do: fc.constant('create' as const), key, life }),
  fc.record({ do: fc.constant('save' as const), key, life, expected: version }),
  fc.record({ do: fc.constant('replace' as const), key, to: key, life, expected: version, reason }),
  fc.record({
    do: fc.constant('touch' as const),
    key,
    ago: fc.integer({ min: -1000, max: 100_000 }),
    idleMs: fc.integer({ min: 1, max: 200_000 }),
  }),
  fc.record({ do: fc.constant('delete' as const), key, reason }),
  fc.record({
    do: fc.constant('wait' as const),
    ms: fc.oneof(fc.integer({ min: 1, max: 120_000 }), fc.constantFrom(59_999, 60_000, 60_001)),
  }),
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never

export function storeAgreesWithModel(create: (now: () => number) => SessionStore | Promise<SessionStore>, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(fc.array(command, { maxLength: 40, size: 'max' }), async commands => {
    let time = Date.UTC(2030, 0, 1)
    const now = () => time
    const store = await create(now)
    const model = new Model(now)
    const current = (at: string) => model.live(at)?.version ?? 'nothing'
    const make = (
      at: string,
      { idleMs, absoluteMs, owned, version: wanted, n }: typeof life extends fc.Arbitrary<infer T> ? T : never,
    ): SessionRecord => ({
      key: at,
      partition: 'p',
      data: `{"n":${n}}`,
      version: wanted === 'the current one' ? current(at) : wanted,
      createdAt: time,
      touchedAt: time,
      idleMs,
      expiresAt: time + idleMs,
      ...(absoluteMs !== null && { absoluteExpiresAt: time + absoluteMs }),
      ...(owned && { userKey: 'u' }),
    })
    const run = async (step: Command): Promise<[unknown, unknown]> => {
      if (step.do === 'wait') {
        time += step.ms
        return [0, 0]
      }
      const at = step.key
      const expected = 'expected' in step ? (step.expected === 'the current one' ? current(at) : step.expected) : ''
      switch (step.do) {
        case 'load':
          return [await store.load(at), model.load(at)]
        case 'create': {
          const made = make(at, step.life)
          return [await store.create({ ...made }), model.create(made)]
        }
        case 'save': {
          const made = make(at, step.life)
          return [await store.save({ ...made }, expected), model.save(made, expected)]
        }
        case 'replace': {
          const made = make(step.to, step.life)
          return [await store.replace(at, expected, { ...made }, step.reason), model.replace(at, expected, made, step.reason)]
        }
        case 'touch': {
          const times = { touchedAt: time - step.ago, expiresAt: time - step.ago + step.idleMs }
          return [await store.touch(at, times), model.touch(at, times)]
        }
        case 'delete':
          return [await store.delete(at, step.reason), model.delete(at, step.reason)]
      }
    }
    try {
      for (const step of commands) {
        const [answer, expected] = await run(step)
        assert.deepEqual(answer, expected)
        for (const at of ['a', 'b', 'c']) assert.deepEqual(await store.load(at), model.load(at))
      }
    } finally {
      await store.close()
    }
  })
  return fc.assert(property, { numRuns })
}
