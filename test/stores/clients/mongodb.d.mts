import type { Opened, OpenOptions } from '../opened.ts'

/** The database of the tests. */
export const DATABASE: string

export function open(options: OpenOptions): Promise<Opened>
