import { renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Loose } from '../../support/subjects.ts'
import type { Ground, Vandal } from '../subjects.ts'

/** The way to the folder leads in a circle: each access to it fails. */
export function moveFolder({ url }: Ground, space: string): Vandal {
  const path = join(url, space)
  return {
    begin: async () => {
      renameSync(path, `${path}-away`)
      symlinkSync(path, path)
    },
    end: async () => {
      unlinkSync(path)
      renameSync(`${path}-away`, path)
    },
  }
}

/**
 * Every table of a database file gets another name, and its own back: each statement fails meanwhile. By the same library: two of them in
 * one process would undo each other's locks.
 */
export function renameTables({ url }: Ground, space: string, client: string): Vandal {
  const renamed: string[] = []
  const inFile = async (act: (run: (sql: string) => void, names: () => string[]) => void) => {
    const { fileOf, opener } = await import('../clients/sqlite.mjs')
    const database: Loose = opener(client)?.(fileOf(url, space))
    try {
      const all = "SELECT name FROM sqlite_master WHERE type = 'table'"
      act(
        sql => database.exec(sql),
        () =>
          database
            .prepare(all)
            .all()
            .map(({ name }: { name: string }) => name),
      )
    } finally {
      database.close()
    }
  }
  return {
    begin: async () =>
      inFile((run, names) => {
        for (const name of names().filter(one => one.includes(space))) {
          run(`ALTER TABLE "${name}" RENAME TO "away_${name}"`)
          renamed.push(name)
        }
        if (renamed.length === 0) throw new Error('there is no table to rename')
      }),
    end: async () =>
      inFile(run => {
        for (const name of renamed.splice(0)) run(`ALTER TABLE "away_${name}" RENAME TO "${name}"`)
      }),
  }
}
