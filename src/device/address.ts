import { isIP } from 'node:net'

export type KeptAddress = 'full' | 'truncated'

/**
 * A client's address as it is kept: whole, or its network alone, `/24` of IPv4 and `/48` of IPv6, which names a provider or a town and
 * no household. Undefined for what is no address: behind a proxy it may be any text.
 */
export function addressOf(text: string | undefined, kept: KeptAddress): string | undefined {
  const address = plainAddress(text)
  // This host itself is in no network.
  if (address === undefined || kept === 'full' || address === '::1') return address
  return isIP(address) === 4 ? address.replace(/\d+$/, '0') : networkOf(address)
}

/** As RFC 5952 makes one form of it, in hex. */
const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

function unmapped(address: string): string {
  const [, high, low] = MAPPED.exec(address) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low].flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join('.')
}

/** As people write it: without the name of an interface, and IPv4 as IPv4 where the socket speaks both. */
function plainAddress(text = ''): string | undefined {
  // An address has 45 characters at most.
  const [bare = ''] = text.slice(0, 64).split('%')
  if (isIP(bare) === 0) return undefined
  return isIP(bare) === 4 ? bare : unmapped(canonical(bare))
}

/** In one of its many spellings, that of RFC 5952. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/** The first three of eight groups. */
function networkOf(canonicalAddress: string): string {
  const [head = '', tail] = canonicalAddress.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':') : []
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  const groups = (tail === undefined ? before : [...before, ...zeros, ...after]).slice(0, 3)
  return canonical(`${groups.join(':')}::`)
}
