import type { IndexedSessionStore } from 'holdfast'

export interface OpenOptions {
  /** Where the server is; a folder or a file for embedded stores. */
  url: string
  /** Stores of one space share their data; a new space is empty. */
  space: string
  now?: (() => number) | undefined
  /** Which client library, where there are several. */
  client?: string | undefined
  /** Options of the store, beside those. */
  options?: Record<string, unknown> | undefined
}

export interface Opened {
  store: IndexedSessionStore
  /** Closes the store, and the client that was made for it. */
  end(): Promise<void>
}
