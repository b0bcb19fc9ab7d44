import type { ResponseHeaders } from '../core/transport.ts'

/** Keeps an answer with a token out of shared caches, unless the app has said what it wants (ASVS 14.3.2). */
export function markPrivate(headers: ResponseHeaders): void {
  if (headers.get('Cache-Control') === undefined) headers.set('Cache-Control', 'private')
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
