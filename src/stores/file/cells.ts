import { dirname, join } from 'node:path'
import { timeOf, uniqueName } from './format.ts'
import type { FileSystem, LastingFolders } from './system.ts'

/*
 * A cell is a value that several processes compare and set. It is a folder; version k of the value is a file whose name ends
 * in k, written elsewhere, brought to the disk, and given its name by `link()`, which fails where the name is taken. Readers
 * take the highest. Any process may stop between two calls for as long as it likes, or for ever. What must hold nevertheless:
 *
 * (1) A number is given once. A writer that has read k and publishes k + 1 must fail if there ever was a k + 1, also when it
 *     has been removed since. Therefore a writer first makes a file in the folder, its reservation, and only then reads; what
 *     it publishes is that file, under its second name. Whoever removes version j has first seen a version after j (or, to
 *     empty the folder, j as the last), then listed the folder, and removed all reservations found there. So a reservation
 *     that is left was made later, its owner reads what comes after j, and cannot publish j. One that was removed is of no
 *     use any more: the system refuses to link a file that has no name left. To remove a reservation is always safe, its owner
 *     begins again.
 * (2) A folder comes with its first version in it, by `rename()`, which replaces nothing but an empty folder; and it goes by
 *     `rmdir()`, which removes nothing but an empty one. A reservation keeps it from being empty. So from reservation to link
 *     it is the same folder, and no writer from before a clean-up gets into the folder that came after it.
 * (3) Whoever removes files by name may have stopped for long. The names of a folder's versions begin with a unique word that
 *     came with the folder, so nobody can remove those of a later one. Older versions go first: the highest never goes back.
 * (4) For fairness only: who finds a reservation that is older than its own, and not by much, lets its owner go first for a few ms, and
 *     then looks again. Else a process that is a little quicker would win each time, and the others give up.
 *
 * H16 puts it differently: publish, list, and withdraw what was overtaken. Then a number that was given twice can be seen
 * before it is withdrawn, and its writer cannot tell whether it was overtaken or had come too late. The reservation settles
 * both before the link.
 */

const NUMBER_DIGITS = 10
const NUMBER = /^([0-9a-z]{41})-(\d{10})$/
/** Versions that may lie about while others are in the middle of writing. */
const MOST_OLD = 8
const LONGEST_COURTESY_MS = 250

/** A version of a cell. */
export interface Version {
  /** Of its file: says which it is, and never comes again. */
  name: string
  text: string
}

/** What a caller answers, and what it wants to be the next version, if anything. */
export interface Step<T> {
  answer: T
  text?: string
  /** What was there before must not stay on the disk. */
  final?: boolean
  /** Asked once more when all is written: false: it must be decided anew. */
  still?: () => boolean
}

export type Decide<T> = (current: Version | null) => Promise<Step<T> | null>

export class FileCells {
  readonly #fs: FileSystem
  readonly #folders: LastingFolders
  /** Where folders are made before they come to their place. */
  readonly #nursery: string

  constructor(fs: FileSystem, folders: LastingFolders, nursery: string) {
    this.#fs = fs
    this.#folders = folders
    this.#nursery = nursery
  }

  /** The last version, or null. */
  async read(folder: string): Promise<Version | null> {
    return (await this.#look(folder)).current
  }

  /** The name of the last version. */
  async newest(folder: string): Promise<string | null> {
    return newestOf(await this.#fs.list(folder))
  }

  /** The last version, and what lies beside it. */
  async #look(folder: string): Promise<{ current: Version | null; names: string[] }> {
    for (;;) {
      const names = (await this.#fs.list(folder)) ?? []
      const name = newestOf(names)
      if (name === null) return { current: null, names }
      const text = await this.#fs.read(join(folder, name))
      // Overtaken and removed meanwhile: then there is a later one, or none.
      if (text !== null) return { current: { name, text }, names }
    }
  }

  /** Reads, lets the caller decide, and publishes: as one step, again and again until nobody has come between. */
  async change<T>(folder: string, decide: Decide<T>): Promise<T> {
    for (;;) {
      const step = await this.#attempt(folder, decide)
      if (step) return step.answer
    }
  }

  async #attempt<T>(folder: string, decide: Decide<T>): Promise<Step<T> | null> {
    const own = uniqueName()
    const reservation = join(folder, own)
    const file = await this.#fs.create(reservation)
    if (!file) return this.#first(folder, await decide(null))
    let name: string
    let step: Step<T> | null
    try {
      let current: Version | null
      for (let waits = 0; ; waits++) {
        const seen = await this.#look(folder)
        current = seen.current
        step = await decide(current)
        if (step?.text === undefined) return step
        // Who has begun earlier goes first, for fairness only: else whoever is a little quicker would win each time.
        if (!seen.names.some(name => isEarlier(name, own)) || !(await this.#fs.patience(waits))) break
      }
      if (current) {
        await file.write(step.text)
        name = following(current.name)
        if (step.still?.() === false || !(await this.#fs.link(reservation, join(folder, name)))) return null
        await this.#fs.sync(folder)
      } else {
        name = ''
      }
    } finally {
      await file.close()
      await this.#fs.remove(reservation)
    }
    if (name === '') {
      // Emptied by a clean-up that has come no further. Its folder must go, a new one takes its place.
      await this.clear(folder)
      return null
    }
    await this.#prune(folder, name, step.final ?? false)
    return step
  }

  /** Brings a new folder to its place, with the first version in it. */
  async #first<T>(folder: string, step: Step<T> | null): Promise<Step<T> | null> {
    if (step?.text === undefined) return step
    await this.#folders.ensure(this.#nursery)
    await this.#folders.ensure(dirname(folder))
    const fresh = join(this.#nursery, uniqueName())
    try {
      await this.#fs.makeFolder(fresh)
      const file = await this.#fs.create(join(fresh, `${uniqueName()}-${'1'.padStart(NUMBER_DIGITS, '0')}`))
      try {
        await file?.write(step.text)
      } finally {
        await file?.close()
      }
      await this.#fs.sync(fresh)
      if (step.still?.() !== false && file && (await this.#fs.rename(fresh, folder))) {
        await this.#fs.sync(dirname(folder))
        return step
      }
    } catch (error) {
      await this.#fs.discard(fresh).catch(() => {})
      throw error
    }
    await this.#fs.discard(fresh)
    this.#folders.forget()
    return null
  }

  /** Removes what the version `name` has overtaken. Where it cannot now, a later write will. */
  async #prune(folder: string, name: string, final: boolean): Promise<void> {
    try {
      const names = (await this.#fs.list(folder)) ?? []
      const older = names.filter(one => NUMBER.test(one) && one < name)
      const reservations = names.filter(one => !NUMBER.test(one))
      if (reservations.length > 0 && older.length < MOST_OLD && !final) return
      for (const one of reservations) await this.#fs.discard(join(folder, one))
      for (const one of older) await this.#fs.remove(join(folder, one))
    } catch {
      // It was published, and that is what the caller is told.
    }
  }

  /** Removes the cell, if `name` is still its last version. False: it is not, or another process was faster. */
  async remove(folder: string, name: string): Promise<boolean> {
    const names = (await this.#fs.list(folder)) ?? []
    const versions = names.filter(one => NUMBER.test(one)).sort()
    if (versions.at(-1) !== name) return false
    for (const one of names) if (!NUMBER.test(one)) await this.#fs.discard(join(folder, one))
    for (const one of versions.slice(0, -1)) await this.#fs.remove(join(folder, one))
    // What is older must not be there again after a power cut that spares it alone.
    if (versions.length > 1) await this.#fs.sync(folder)
    const removed = await this.#fs.remove(join(folder, name))
    await this.#fs.removeFolder(folder)
    return removed
  }

  /** Removes a folder that holds no version, with whatever else is in it. */
  async clear(folder: string): Promise<void> {
    const names = await this.#fs.list(folder)
    if (!names || names.some(one => NUMBER.test(one))) return
    for (const one of names) await this.#fs.discard(join(folder, one))
    await this.#fs.removeFolder(folder)
  }

  /** Removes reservations that nobody comes back to. */
  async tidy(folder: string, abandonedMs: number): Promise<void> {
    for (const one of (await this.#fs.list(folder)) ?? []) {
      if (NUMBER.test(one)) continue
      const age = await this.#fs.age(join(folder, one))
      if (age !== null && age > abandonedMs) await this.#fs.discard(join(folder, one))
    }
  }

  /** What somebody else has published is on the disk when it answers. */
  async settle(folder: string): Promise<void> {
    await this.#fs.sync(folder)
    await this.#fs.sync(dirname(folder))
  }
}

function newestOf(names: string[] | null): string | null {
  return (names ?? []).reduce<string | null>((last, name) => (NUMBER.test(name) && (last === null || name > last) ? name : last), null)
}

/** Whether it is the reservation of somebody who has begun before `own`, and not long ago: who is killed leaves one behind. */
function isEarlier(name: string, own: string): boolean {
  return name < own && !NUMBER.test(name) && timeOf(own) - timeOf(name) < LONGEST_COURTESY_MS
}

function following(name: string): string {
  const [, folder, number] = NUMBER.exec(name) as unknown as [string, string, string]
  return `${folder}-${String(Number(number) + 1).padStart(NUMBER_DIGITS, '0')}`
}
