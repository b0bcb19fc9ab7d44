import { SessionDataError, SessionTooLargeError } from '../core/errors.ts'
import { type Data, depthPath, largestKeys } from '../core/json.ts'
import { escapeText } from '../core/text.ts'

/** Deeper data can be parsed, but at some depth no longer be written: they would break each later request. */
const MAX_DEPTH = 64
export const DEFAULT_MAX_RECORD_BYTES = 256 * 1024

/** Refuses what is too deep or too large to be kept, and names where. */
export function checkRecord(data: Data, text: string, maxBytes: number): void {
  const path = deepPath(data, text)
  if (path) throw new SessionDataError(`the session is nested more than ${MAX_DEPTH} levels deep, at "${escapeText(path.join('.'))}"`)
  if (!tooLarge(text, maxBytes)) return
  throw new SessionTooLargeError(
    Buffer.byteLength(text),
    maxBytes,
    largestKeys(data, part => Buffer.byteLength(part)),
  )
}

/** Whether text that a store gave is more than this site would write. */
export function exceeds(data: Data, text: string, maxBytes: number): boolean {
  return tooLarge(text, maxBytes) || deepPath(data, text) !== undefined
}

function tooLarge(text: string, maxBytes: number): boolean {
  // A character has three octets at most.
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes
}

/** Each level takes two characters, so that most sessions need no look at all. */
function deepPath(data: Data, text: string): string[] | undefined {
  return text.length > 2 * MAX_DEPTH ? depthPath(data, MAX_DEPTH) : undefined
}
