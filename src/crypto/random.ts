import { randomFillSync } from 'node:crypto'

/** Random octets are drawn in bulk: one call to the system's generator, of 2 µs, serves many ids. Used octets are wiped. */
const POOL_OCTETS = 4096
const pool = Buffer.allocUnsafeSlow(POOL_OCTETS)
let used = POOL_OCTETS

/** Random octets as a text. */
export function randomText(octets: number, encoding: 'base64url' | 'hex'): string {
  const start = take(octets)
  const text = pool.toString(encoding, start, used)
  pool.fill(0, start, used)
  return text
}

/** Puts random octets into a buffer. */
export function randomInto(target: Uint8Array, at: number, octets: number): void {
  const start = take(octets)
  pool.copy(target, at, start, used)
  pool.fill(0, start, used)
}

/** Where unused octets begin; they are used from here on. */
function take(octets: number): number {
  if (used + octets > POOL_OCTETS) {
    randomFillSync(pool)
    used = 0
  }
  const start = used
  used += octets
  return start
}
