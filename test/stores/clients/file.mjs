import { join } from 'node:path'
import { FileStore } from 'holdfast/stores/file'

/** @type {typeof import('./file.mjs').open} `url` is a folder. */
export async function open({ url, space, now, options }) {
  const store = new FileStore({ ...options, directory: join(url, space), now })
  return { store, end: () => store.close() }
}
