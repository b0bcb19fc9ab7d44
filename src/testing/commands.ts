import type fastCheck from 'fast-check'
import type { GoneReason, SessionRecord } from '../core/record.ts'
import type { IndexedSessionStore, UserLimit } from '../core/store.ts'
import type { Model } from './model.ts'
import { DAY, type RecordMaker } from './records.ts'

export type FastCheck = typeof fastCheck

interface Life {
  idleMs: number
  absoluteMs: number | null
  maxAge: number | null | undefined
  /** Which user's, if any. */
  owner: number | null
  /** Whether it is a session of theirs, or only belongs to them. */
  named: boolean
  data: string
}

/** Which version a writer has seen: the one that is there, the one before, one that never was, or the one written last, by whomever. */
type Seen = 'present' | 'before' | 'none' | 'last'

export type Write =
  | { do: 'load'; key: number }
  | { do: 'create'; key: number; life: Life; limit: UserLimit | undefined }
  | { do: 'save'; key: number; life: Life; seen: Seen }
  | { do: 'replace'; key: number; life: Life; seen: Seen; reason: GoneReason; limit: UserLimit | undefined }
  | { do: 'touch'; key: number; agoMs: number; idleMs: number }
  | { do: 'delete'; key: number; reason: GoneReason }

export type Command =
  | Write
  | { do: 'deleteByUser'; user: number; except: number | null; reason: GoneReason | undefined }
  /** Sends a write again that has been answered, as if the answer had been lost. */
  | { do: 'again'; back: number }
  | { do: 'deleteExpired'; limit: number }
  | { do: 'wait'; ms: number }
  /** Waits until what is there ends, or a moment longer. */
  | { do: 'waitForEnd'; key: number; moreMs: number }

/** How many sessions there are at a time. */
export const KEYS = 3

export function writes(fc: FastCheck, key: fastCheck.Arbitrary<number>): fastCheck.Arbitrary<Write> {
  const reason = fc.constantFrom<GoneReason>('destroyed', 'regenerated', 'evicted')
  const seen = fc.constantFrom<Seen>('present', 'present', 'present', 'present', 'before', 'none', 'last')
  const life = fc.record({
    idleMs: fc.integer({ min: 1, max: 200_000 }),
    absoluteMs: fc.option(fc.integer({ min: 1, max: 300_000 })),
    maxAge: fc.constantFrom(undefined, null, 1000),
    owner: fc.option(fc.nat(1)),
    named: fc.constantFrom(true, true, true, false),
    data: fc
      .dictionary(fc.string({ unit: 'binary', maxLength: 5 }), fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }), { maxKeys: 3 })
      .map(data => JSON.stringify(data)),
  })
  const limit = fc.option(fc.record({ max: fc.integer({ min: 1, max: 2 }), deny: fc.boolean() }), { nil: undefined })
  const times = { agoMs: fc.integer({ min: -1000, max: 100_000 }), idleMs: fc.integer({ min: 1, max: 200_000 }) }
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('load' as const), key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), key, life, limit }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('save' as const), key, life, seen }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('replace' as const), key, life, seen, reason, limit }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('touch' as const), key, ...times }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key, reason }) },
  )
}

export function allCommands(fc: FastCheck): fastCheck.Arbitrary<Command> {
  const key = fc.nat(KEYS - 1)
  const others = fc.oneof(
    fc.record({ do: fc.constant('again' as const), back: fc.nat(5) }),
    fc.record({
      do: fc.constant('deleteByUser' as const),
      user: fc.nat(1),
      except: fc.option(key),
      reason: fc.constantFrom<GoneReason | undefined>(undefined, 'evicted', 'destroyed'),
    }),
    fc.record({ do: fc.constant('waitForEnd' as const), key, moreMs: fc.constantFrom(-1, 0, 1, 600_000) }),
    fc.record({ do: fc.constant('deleteExpired' as const), limit: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 120_000 }), fc.constantFrom(59_999, 60_000, 60_001, 600_000, DAY)),
    }),
  )
  return fc.oneof({ weight: 3, arbitrary: writes(fc, key) }, { weight: 2, arbitrary: others })
}

/** The keys and users of one run, all of one partition, so that each method can be one step in every store. */
export interface Scene {
  keys: string[]
  users: string[]
  /** The version that was written last, or is just being written. */
  lastVersion: string
}

/** A command with its arguments, for a store and for the model. */
export interface Call {
  ask(store: IndexedSessionStore): Promise<unknown>
  answer(model: Model): unknown
  keys: string[]
}

export function callOf(command: Write, scene: Scene, model: Model, records: RecordMaker, now: () => number): Call {
  const key = scene.keys[command.key] as string
  const make = (
    at: string,
    { idleMs, absoluteMs, maxAge, owner, named, data }: Life,
    userKey = owner === null ? undefined : scene.users[owner],
  ) =>
    records.record({
      key: at,
      data,
      idleMs,
      expiresAt: now() + idleMs,
      ...(absoluteMs !== null && { absoluteExpiresAt: now() + absoluteMs }),
      ...(maxAge !== undefined && { maxAge }),
      ...(userKey !== undefined && { userKey, ...(named && { userId: 'somebody' }) }),
    })
  const versions: Record<Seen, string | undefined> = {
    present: model.live(key)?.version,
    before: model.before(key),
    none: undefined,
    last: scene.lastVersion,
  }
  const expected = (seen: Seen) => versions[seen] ?? 'another version'
  const call = (record: SessionRecord | undefined, ask: Call['ask'], answer: Call['answer']): Call => {
    if (record) scene.lastVersion = record.version
    return { ask, answer, keys: record && record.key !== key ? [key, record.key] : [key] }
  }

  switch (command.do) {
    case 'load':
      return call(
        undefined,
        store => store.load(key),
        on => on.load(key),
      )
    case 'create': {
      const record = make(key, command.life)
      return call(
        record,
        store => store.create({ ...record }, undefined, command.limit),
        on => on.create(record, command.limit),
      )
    }
    case 'save': {
      const version = expected(command.seen)
      const there = model.live(key)
      const record = there ? make(key, { ...command.life, owner: null }, there.userKey) : make(key, command.life)
      return call(
        record,
        store => store.save({ ...record }, version),
        on => on.save(record, version),
      )
    }
    case 'replace': {
      const { reason, limit } = command
      const version = expected(command.seen)
      const record = make(records.key(key.slice(0, 3)), command.life)
      return call(
        record,
        store => store.replace(key, version, { ...record }, reason, undefined, limit),
        on => on.replace(key, version, record, reason, limit),
      )
    }
    case 'touch': {
      const touchedAt = now() - command.agoMs
      const times = { touchedAt, expiresAt: touchedAt + command.idleMs }
      return call(
        undefined,
        store => store.touch(key, times),
        on => on.touch(key, times),
      )
    }
    case 'delete':
      return call(
        undefined,
        store => store.delete(key, command.reason),
        on => on.delete(key, command.reason),
      )
  }
}
