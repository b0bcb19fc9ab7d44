import type { EndingsListener, Unwatch } from '../../core/store.ts'

/** Who wants to know what this process's memory loses. */
export class MemoryEndings {
  readonly #listeners = new Set<EndingsListener>()

  async watch(listener: EndingsListener): Promise<Unwatch> {
    this.#listeners.add(listener)
    return async () => void this.#listeners.delete(listener)
  }

  tell(key: string): void {
    for (const listener of this.#listeners) listener.ended({ keys: [key] })
  }

  clear(): void {
    this.#listeners.clear()
  }
}
