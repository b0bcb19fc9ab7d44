import { SessionAsyncHookError } from './errors.ts'
import { type Data, put, sameJson } from './json.ts'
import { isPromise } from './maybe.ts'

/** What to do where both sides changed the same path. A function gets the three values and returns the one to keep. */
export type ConflictPolicy = 'merge' | 'error' | ((path: readonly string[], base: unknown, mine: unknown, theirs: unknown) => unknown)

export type MergeResult = { outcome: 'merged'; data: Data } | { outcome: 'guarded' } | { outcome: 'conflict'; path: readonly string[] }

/** Below this depth a value is taken whole: merging must stay cheap on hostile data. */
const MAX_DEPTH = 16

class PathConflict {
  readonly path: readonly string[]
  constructor(path: readonly string[]) {
    this.path = path
  }
}

/**
 * The difference base -> mine, applied to theirs. Paths that only one side touched survive; arrays and scalars are
 * atomic; a delete, or a replacement by a non-object, wins over changes below it.
 *
 * `guard` lists top-level keys that say who somebody is. They stand together: if theirs changed one, mine is dropped as a
 * whole; if only mine did, all of them are taken from mine.
 */
export function merge(base: Data, mine: Data, theirs: Data, guard: readonly string[], policy: ConflictPolicy): MergeResult {
  if (!sameGuards(base, theirs, guard)) return { outcome: 'guarded' }
  try {
    // Theirs left the guarded keys as they were, so that mine are taken together.
    return { outcome: 'merged', data: mergeObjects(base, mine, theirs, [], policy) }
  } catch (error) {
    if (error instanceof PathConflict) return { outcome: 'conflict', path: error.path }
    throw error
  }
}

/** Whether both say the same about who somebody is. */
export function sameGuards(a: Data, b: Data, guard: readonly string[]): boolean {
  return guard.every(key => sameJson(own(a, key), own(b, key)))
}

function mergeObjects(base: Data, mine: Data, theirs: Data, path: readonly string[], policy: ConflictPolicy): Data {
  const result: Data = {}
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const merged = mergeValue(own(base, key), own(mine, key), own(theirs, key), [...path, key], policy)
    if (merged !== undefined) put(result, key, merged)
  }
  return result
}

function mergeValue(base: unknown, mine: unknown, theirs: unknown, path: readonly string[], policy: ConflictPolicy): unknown {
  if (sameJson(base, mine)) return theirs
  if (sameJson(base, theirs) || sameJson(mine, theirs)) return mine
  if (isObject(mine) && isObject(theirs) && path.length < MAX_DEPTH && (isObject(base) || base === undefined)) {
    return mergeObjects(base ?? {}, mine, theirs, path, policy)
  }
  // One side ended the object that the other changed below: the end wins.
  if (isObject(base) && isObject(mine) && !isObject(theirs)) return theirs
  if (isObject(base) && isObject(theirs) && !isObject(mine)) return mine
  if (policy === 'error') throw new PathConflict(path)
  if (policy === 'merge') return mine
  const kept = policy(path, base, mine, theirs)
  if (!isPromise(kept)) return kept
  kept.then(undefined, () => undefined)
  throw new SessionAsyncHookError('conflict')
}

function own(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
