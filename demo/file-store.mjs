import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A koa-session style store: one JSON file per session. For one process, which is what a demo is; a FileStore that several processes
 * can share, and that compares versions, is planned as a later part of the library.
 */
export class DemoFileStore {
  #folder
  #writes = Promise.resolve()

  constructor(folder) {
    this.#folder = folder
  }

  /** Makes the folder and removes what has expired or was left half-written. */
  async open() {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      if (name.endsWith('.tmp') || (name.endsWith('.json') && !(await read(path)))) await rm(path, { force: true })
    }
  }

  async get(id) {
    return (await read(this.#path(id)))?.data
  }

  set(id, data, maxAge) {
    const record = { expiresAt: Number.isFinite(maxAge) ? Date.now() + maxAge : null, data }
    return this.#inOrder(() => writeWhole(this.#path(id), JSON.stringify(record)))
  }

  destroy(id) {
    return this.#inOrder(() => rm(this.#path(id), { force: true }))
  }

  /** Resolves when every write that was asked for has ended. */
  close() {
    return this.#writes
  }

  // An id comes from a cookie: it is hashed, never a path; and who reads the folder learns no id.
  #path(id) {
    return join(this.#folder, `${createHash('sha256').update(id).digest('hex')}.json`)
  }

  // One write after the other: a slow set must not bring back what a later destroy has removed.
  #inOrder(write) {
    const done = this.#writes.then(write)
    this.#writes = done.catch(() => {})
    return done
  }
}

/** The record, or undefined where there is none, it has expired, or it cannot be read as one. */
async function read(path) {
  let text
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { expiresAt, data } = JSON.parse(text)
    if (typeof data !== 'object' || data === null) return undefined
    return expiresAt === null || expiresAt > Date.now() ? { data } : undefined
  } catch {
    return undefined
  }
}

/** Written beside, flushed, then renamed: a reader sees the old file or the new one, never half of one, also after a power cut. */
export async function writeWhole(path, text) {
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
