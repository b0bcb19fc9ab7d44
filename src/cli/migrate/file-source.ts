import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command.ts'
import { type PeerOptions, recordsOf } from './peers.ts'
import { PAGE, type Source, type StoredSession } from './source.ts'

const EXTENSION = '.json'
/** How long session-file-store keeps what says nothing of its life. */
const DEFAULT_LIFE_MS = 3_600_000

/** Sessions of session-file-store: a file each, named by the id. */
export function fileSource(folder: string, options: PeerOptions): Source {
  const names = async () => {
    try {
      return (await readdir(folder)).filter(name => name.endsWith(EXTENSION)).sort()
    } catch (cause) {
      throw new CommandError('the folder of the source cannot be read', { cause })
    }
  }
  return {
    count: async () => (await names()).length,
    async page(cursor = '') {
      const rest = (await names()).filter(name => name > cursor)
      const page = rest.slice(0, PAGE)
      const stored = await Promise.all(page.map(name => read(folder, name)))
      const last = rest.length > PAGE ? (page.at(-1) as string) : null
      return {
        ...recordsOf(
          stored.flatMap(one => one ?? []),
          options,
        ),
        cursor: last,
      }
    },
    end: async () => undefined,
  }
}

/** Nothing: it has ended since its name was read. */
async function read(folder: string, name: string): Promise<StoredSession | undefined> {
  try {
    const content = await readFile(join(folder, name), 'utf8')
    return { id: name.slice(0, -EXTENSION.length), content, endsAt: endOf(content) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The store counts from its own mark of the last use. */
function endOf(content: string): number | undefined {
  try {
    const { __lastAccess, cookie } = JSON.parse(content) as { __lastAccess?: unknown; cookie?: { originalMaxAge?: unknown } }
    const life = typeof cookie?.originalMaxAge === 'number' ? cookie.originalMaxAge : DEFAULT_LIFE_MS
    return typeof __lastAccess === 'number' ? __lastAccess + life : undefined
  } catch {
    return undefined
  }
}
