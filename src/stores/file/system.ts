import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that was made just now, to be written once. */
interface NewFile {
  /** On the disk when it answers. */
  write(text: string): Promise<void>
  close(): Promise<void>
}

/**
 * What a `FileStore` asks of the file system, each an atomic step. What is not there, or in the way, is an answer; anything
 * else that fails is an error.
 */
export interface FileSystem {
  /** The names in a folder; null: there is no such folder. */
  list(folder: string): Promise<string[] | null>
  /** Null: there is no such file. */
  read(file: string): Promise<string | null>
  /** A new file; null: its folder is not there. */
  create(file: string): Promise<NewFile | null>
  /** Gives a file a second name. False: that name is taken; or the file has gone: where it has, this never succeeds. */
  link(file: string, name: string): Promise<boolean>
  /** Moves a folder. False: it has gone; or one that is not empty is in its way. */
  rename(folder: string, to: string): Promise<boolean>
  /** False: there was none. */
  remove(file: string): Promise<boolean>
  /** Whatever it is, with all that is in it. */
  discard(path: string): Promise<void>
  /** False: it was there. Null: what it would lie in is not. */
  makeFolder(folder: string): Promise<boolean | null>
  /** A folder, and those that it lies in. False: it was there. */
  makeFolders(folder: string): Promise<boolean>
  /** Only an empty one goes. */
  removeFolder(folder: string): Promise<void>
  /** Names that were made or removed in a folder are on the disk when it answers. */
  sync(folder: string): Promise<void>
  /** How long ago it was made or written, in ms; null: it is not there. */
  age(path: string): Promise<number | null>
  /** A moment for others to go first. False: they have had enough of them. */
  patience(moments: number): Promise<boolean>
  /** What tells a folder from every other one; null: there is nothing by that name. */
  identity(folder: string): Promise<string | null>
}

const MOST_MOMENTS = 20

/** The real one. Without `fsync` the system writes when it likes. Nobody but this user may read what it makes. */
export function diskFileSystem(fsync: boolean): FileSystem {
  return {
    list: folder => or(readdir(folder), null, 'ENOENT', 'ENOTDIR'),
    // A folder where a file should be is no valid record.
    read: file => or(or(readFile(file, 'utf8'), '', 'EISDIR'), null, 'ENOENT', 'ENOTDIR'),
    async create(file) {
      const handle = await or(open(file, 'wx', 0o600), null, 'ENOENT', 'ENOTDIR')
      if (!handle) return null
      return {
        async write(text) {
          await handle.writeFile(text)
          if (fsync) await handle.sync()
        },
        close: () => handle.close(),
      }
    },
    link: (file, name) => done(link(file, name), 'EEXIST', 'ENOENT'),
    rename: (folder, to) => done(rename(folder, to), 'ENOENT', 'ENOTEMPTY', 'EEXIST'),
    remove: file => done(unlink(file), 'ENOENT', 'ENOTDIR'),
    discard: path => rm(path, { recursive: true, force: true }),
    makeFolder: folder => or(done(mkdir(folder, { mode: 0o700 }), 'EEXIST'), null, 'ENOENT', 'ENOTDIR'),
    makeFolders: async folder => (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined,
    removeFolder: async folder => void (await done(rmdir(folder), 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')),
    async sync(folder) {
      if (!fsync) return
      const handle = await or(open(folder, 'r'), null, 'ENOENT')
      try {
        await handle?.sync()
      } finally {
        await handle?.close()
      }
    },
    async age(path) {
      const found = await or(stat(path), null, 'ENOENT', 'ENOTDIR')
      return found && Date.now() - found.mtimeMs
    },
    async patience(moments) {
      if (moments >= MOST_MOMENTS) return false
      await new Promise(resolve => setTimeout(resolve, 1))
      return true
    },
    async identity(folder) {
      const found = await or(stat(folder), null, 'ENOENT')
      if (found?.isDirectory() === false) throw new Error('FileStore: its directory is no folder')
      return found && `${found.dev} ${found.ino}`
    },
  }
}

async function or<T, U>(answer: Promise<T>, instead: U, ...codes: string[]): Promise<T | U> {
  try {
    return await answer
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return instead
    throw error
  }
}

async function done(work: Promise<void>, ...codes: string[]): Promise<boolean> {
  return or(
    work.then(() => true),
    false,
    ...codes,
  )
}

/** Folders that are there and stay there: made with those that they lie in, each on the disk when it is first used. */
export class LastingFolders {
  readonly #fs: FileSystem
  readonly #root: string
  readonly #known = new Set<string>()

  constructor(fs: FileSystem, root: string) {
    this.#fs = fs
    this.#root = root
  }

  /** Also where somebody else has made it: it may not be on the disk yet. */
  async ensure(folder: string): Promise<void> {
    if (this.#known.has(folder)) return
    if (folder === this.#root) {
      if (await this.#fs.makeFolders(folder)) await this.#fs.sync(dirname(folder))
    } else {
      const above = dirname(folder)
      await this.ensure(above)
      if ((await this.#fs.makeFolder(folder)) === null) {
        // The root is made once. That it has gone is for nobody to mend, least of all by an empty one.
        if (above === this.#root) throw new Error('FileStore: its directory has gone (is the disk mounted?)')
        this.forget()
        return this.ensure(folder)
      }
      await this.#fs.sync(above)
    }
    this.#known.add(folder)
  }

  /** Somebody has removed it by hand, perhaps with all that it lay in below the root. */
  forget(): void {
    for (const folder of this.#known) if (folder !== this.#root) this.#known.delete(folder)
  }
}
