import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

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

/** Written beside, flushed, then renamed: a reader sees the old file or the new one, never half of one, also after a power cut. */
async function writeWhole(path, text) {
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
