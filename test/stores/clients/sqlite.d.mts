import type { SqliteDatabase } from 'holdfast/stores/sqlite'
import type { Opened, OpenOptions } from '../opened.ts'

export function open(options: OpenOptions): Promise<Opened>

/** What is left of a handle to be closed by its owner. */
export type Handle = SqliteDatabase & { close(): void }

/** How a library opens a file; undefined where this Node does not have it. */
export function opener(client: string): ((path: string) => Handle) | undefined

/** The file of a space. */
export function fileOf(folder: string, space: string): string
