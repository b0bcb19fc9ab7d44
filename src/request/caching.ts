import type { ResponseHeaders } from '../core/transport.ts'

/** Who may keep an answer: the browser that asked for it, or nobody. */
export type Caching = 'private' | 'no-store'

/** Keeps an answer out of caches, unless the app has said what it wants (ASVS 14.3.2). `ours` is what was said here before. */
export function restrictCaching(headers: ResponseHeaders, caching: Caching, ours?: Caching): void {
  const present = headers.get('Cache-Control')
  if (present === undefined || (present === ours && ours !== caching)) headers.set('Cache-Control', caching)
}

/** Tells caches that the answer depends on a request header. */
export function markVary(headers: ResponseHeaders, name: string): void {
  const present = headers.get('Vary')
  if (present === undefined) {
    headers.set('Vary', name)
    return
  }
  const names = (Array.isArray(present) ? present.join(', ') : String(present)).split(',').map(item => item.trim().toLowerCase())
  if (!names.includes('*') && !names.includes(name.toLowerCase())) headers.set('Vary', `${[present].flat().join(', ')}, ${name}`)
}
