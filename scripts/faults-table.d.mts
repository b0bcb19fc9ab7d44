import type { Row } from '../test/faults/fault.ts'

/** What a run of the fault suite has left in this folder. */
export function rowsIn(folder: string): Row[]
/** As Markdown. */
export function faultsTable(rows: readonly Row[]): string
