import type { EndingsSource } from '../core/endings.ts'
import type { SessionStore, Unwatch, WatchableSessionStore } from '../core/store.ts'
import { ask } from './ask.ts'

/** What a store can say of ends that other processes have brought about: each call in time. */
export function endingsOf(store: SessionStore, timeoutMs: number): EndingsSource | undefined {
  const { watch, findEnded } = store as WatchableSessionStore
  if (typeof watch !== 'function' && typeof findEnded !== 'function') return undefined
  const source: EndingsSource = {}
  if (typeof watch === 'function') source.watch = listener => begin(() => watch.call(store, listener), timeoutMs)
  if (typeof findEnded === 'function') {
    source.findEnded = async keys => ask('find what has ended', timeoutMs, () => findEnded.call(store, keys, timeoutMs))
  }
  return source
}

async function begin(watch: () => Promise<Unwatch | null>, timeoutMs: number): Promise<Unwatch | null> {
  let late = false
  const beginning = async () => {
    const unwatch = await watch()
    // Nobody waits for it any more.
    if (late) await unwatch?.()
    return unwatch
  }
  try {
    return await ask('watch', timeoutMs, beginning)
  } catch (error) {
    late = true
    throw error
  }
}
