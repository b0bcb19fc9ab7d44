// A disk in memory, as `FileStore` sees one. Its calls are done when they are made, so a test can say in which order.
import { basename, dirname } from 'node:path'
import type { FileSystem } from '../../src/stores/file/system.ts'

interface FakeFile {
  text: string
  links: number
  age: number
}
interface FakeFolder {
  entries: Map<string, FakeFile | FakeFolder>
  age: number
}
type Entry = FakeFile | FakeFolder

/** Folders that are made once and stay. */
const LASTING = /^\/d(\/new|\/(sessions|users)(\/..)?)?$/

export class FakeDisk implements FileSystem {
  readonly #root: FakeFolder = { entries: new Map(), age: 0 }
  /** How often something has changed that others may see: nobody looks for a name without a hyphen but its owner. */
  changes = 0

  isFolder(path: string): boolean {
    return this.#folder(path) !== undefined
  }

  /** All files and empty folders, but for those that stay. */
  files(folder: FakeFolder = this.#root, path = ''): string[] {
    return [...folder.entries].flatMap(([name, entry]) => {
      const here = `${path}/${name}`
      return isFolder(entry) && (entry.entries.size > 0 || LASTING.test(here)) ? this.files(entry, here) : [here]
    })
  }

  /** All that is there grows older. */
  pass(ms: number, folder: FakeFolder = this.#root): void {
    for (const entry of folder.entries.values()) {
      entry.age += ms
      if (isFolder(entry)) this.pass(ms, entry)
    }
  }

  async list(path: string) {
    const folder = this.#folder(path)
    return folder ? [...folder.entries.keys()] : null
  }

  async read(path: string) {
    const found = this.#find(path)
    return found && isFolder(found) ? '' : (found?.text ?? null)
  }

  async create(path: string) {
    if (!this.#folder(dirname(path))) return null
    if (this.#find(path)) throw Object.assign(new Error('it is there'), { code: 'EEXIST' })
    const file: FakeFile = { text: '', links: 1, age: 0 }
    this.#put(path, file)
    return {
      write: async (text: string) => {
        file.text = text
        file.age = 0
      },
      close: async () => {},
    }
  }

  async link(path: string, name: string) {
    const file = this.#find(path)
    if (!file || isFolder(file) || !this.#folder(dirname(name)) || this.#find(name)) return false
    file.links++
    this.#put(name, file)
    return true
  }

  async rename(path: string, to: string) {
    const moved = this.#folder(path)
    const there = this.#find(to)
    if (!moved || !this.#folder(dirname(to)) || (there && !(isFolder(there) && there.entries.size === 0))) return false
    this.#take(path)
    this.#put(to, moved)
    this.changes++
    return true
  }

  async remove(path: string) {
    const found = this.#find(path)
    if (!found || isFolder(found)) return false
    found.links--
    this.#take(path)
    return true
  }

  async discard(path: string) {
    if (this.#find(path)) this.#take(path)
  }

  async makeFolder(path: string): Promise<boolean | null> {
    if (this.#folder(path)) return false
    if (!this.#folder(dirname(path))) return null
    this.#put(path, { entries: new Map(), age: 0 })
    return true
  }

  async makeFolders(path: string): Promise<boolean> {
    if (this.#folder(path)) return false
    await this.makeFolders(dirname(path))
    return (await this.makeFolder(path)) === true
  }

  async removeFolder(path: string) {
    if (this.#folder(path)?.entries.size === 0) this.#take(path)
  }

  async sync() {}

  async age(path: string) {
    return this.#find(path)?.age ?? null
  }

  /** Here somebody else goes first whenever the test says so. */
  async patience() {
    return false
  }

  async identity(path: string) {
    return this.#folder(path) ? path : null
  }

  #find(path: string): Entry | undefined {
    let here: Entry | undefined = this.#root
    for (const name of path.split('/')) if (name !== '') here = here && isFolder(here) ? here.entries.get(name) : undefined
    return here
  }

  #folder(path: string): FakeFolder | undefined {
    const found = this.#find(path)
    return found && isFolder(found) ? found : undefined
  }

  #put(path: string, entry: Entry): void {
    const folder = this.#folder(dirname(path)) as FakeFolder
    folder.entries.set(basename(path), entry)
    folder.age = 0
    if (basename(path).includes('-')) this.changes++
  }

  #take(path: string): void {
    const folder = this.#folder(dirname(path)) as FakeFolder
    folder.entries.delete(basename(path))
    folder.age = 0
    if (basename(path).includes('-')) this.changes++
  }
}

function isFolder(entry: Entry): entry is FakeFolder {
  return 'entries' in entry
}
