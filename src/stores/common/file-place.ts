import { stat } from 'node:fs/promises'

/**
 * The folder that the sessions are in. A disk that is no longer mounted, or a folder that was moved away, must not look like a store
 * without sessions: everybody would be logged out, and what they save be dropped without a word.
 */
export class FilePlace {
  readonly #root: string
  #known: string | undefined

  constructor(root: string) {
    this.#root = root
  }

  /** The first call has made it. */
  async learn(): Promise<void> {
    if (this.#known === undefined) this.#known = await identityOf(this.#root)
  }

  /** Throws if it is no longer the folder that it was. When it is back, so is the store. */
  async check(): Promise<void> {
    const now = await identityOf(this.#root)
    this.#known ??= now
    if (now !== this.#known) throw new Error('FileStore: its directory is not the one that it was (is the disk mounted?)')
  }
}

/** Undefined: there is nothing yet. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    if (!found.isDirectory()) throw new Error('FileStore: its directory is no folder')
    return `${found.dev} ${found.ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
