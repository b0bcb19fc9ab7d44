import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from './file-store.mjs'

/** The keys that sign the demo's cookies: made once and kept, so that a restart logs nobody out. */
export async function loadKeys(folder) {
  const path = join(folder, 'keys.json')
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw new Error(`${path} does not hold keys; delete it and the demo makes new ones`, { cause: error })
  }
  const keys = [randomBytes(32).toString('base64url')]
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeWhole(path, JSON.stringify(keys))
  return keys
}
