import { mustBeKnown } from '../core/options.ts'

/** A secret of at least 32 octets, alone or with marks. */
export type KeyInput = string | Uint8Array | { secret: string | Uint8Array; revoked?: boolean }

export function partsOf(input: KeyInput): { secret: string | Uint8Array; revoked: boolean } {
  const marked = typeof input === 'object' && input !== null && 'secret' in input
  return marked ? { secret: input.secret, revoked: input.revoked === true } : { secret: input, revoked: false }
}

/** A misspelt mark would leave a leaked key in use: it is refused. */
export function checkMarks(input: KeyInput, option: string): void {
  if (typeof input !== 'object' || input === null || !('secret' in input)) return
  mustBeKnown(option, input, ['secret', 'revoked'])
  const { revoked } = input
  if (revoked !== undefined && typeof revoked !== 'boolean') throw new TypeError(`${option}.revoked must be true or false`)
}

export function octetsOf(secret: string | Uint8Array): Uint8Array {
  return typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret
}

/** The same secrets need no new ring, also where the list is built anew each time. */
export function sameKeys(a: readonly KeyInput[], b: readonly KeyInput[]): boolean {
  return a.length === b.length && a.every((key, place) => sameKey(key, b[place]))
}

function sameKey(a: KeyInput, b: KeyInput | undefined): boolean {
  if (b === undefined) return false
  const left = partsOf(a)
  const right = partsOf(b)
  if (left.revoked !== right.revoked || left.secret === undefined || left.secret === null) return false
  return left.secret === right.secret || Buffer.compare(octetsOf(left.secret), octetsOf(right.secret)) === 0
}

/** Kept to compare with: octets and marks that the site changes in place must be seen to differ. */
export function copied(keys: readonly KeyInput[]): KeyInput[] {
  return keys.map(key => {
    const { secret, revoked } = partsOf(key)
    return { secret: typeof secret === 'string' ? secret : Uint8Array.from(secret), revoked }
  })
}
