import type { FileSystem } from './system.ts'

/**
 * The folder that the sessions are in. A disk that is no longer mounted, or a folder that was moved away, must not look like a store
 * without sessions: everybody would be logged out, and what they save be dropped without a word.
 */
export class FilePlace {
  readonly #fs: FileSystem
  readonly #root: string
  #known: string | null = null

  constructor(fs: FileSystem, root: string) {
    this.#fs = fs
    this.#root = root
  }

  /** Throws if it is no longer the folder that it was. When it is back, so is the store. The first call has made it. */
  async check(): Promise<void> {
    const now = await this.#fs.identity(this.#root)
    this.#known ??= now
    if (now !== this.#known) throw new Error('FileStore: its directory is not the one that it was (is the disk mounted?)')
  }
}
