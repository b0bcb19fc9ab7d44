import type { Loaded } from './backend.ts'
import type { Meta } from './record.ts'

/** What of a request says where it came from. Header names in lower case. */
export interface CsrfRequest {
  method: string | undefined
  header(name: string): string | undefined
  /** The token that the form or the script sent along; absent where there is none. Looked at last, and only where a token decides. */
  readonly token?: unknown
}

export interface CsrfRules {
  /** The site's own origins, such as `https://shop.example`. Never taken from Host, which is the client's word. */
  origins: ReadonlySet<string>
  /** Whether a token is one of this visitor's. Asked last, and only where the browser says nothing. */
  valid(token: string): boolean
}

export type CsrfVerdict =
  | { ok: true; by: 'method' | 'fetch-site' | 'origin' | 'token' }
  | { ok: false; reason: 'fetch-site' | 'origin' | 'token' }

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Whether a request was made by the site itself. What the browser says of it goes first: `Sec-Fetch-Site`, then `Origin`;
 * a page can set neither. Only where both are absent (old browsers, clients that are none) a token decides.
 */
export function judgeCsrf(request: CsrfRequest, { origins, valid }: CsrfRules): CsrfVerdict {
  const { method, header } = request
  if (method !== undefined && SAFE.has(method)) return { ok: true, by: 'method' }
  const site = header('sec-fetch-site')
  // `none`: the visitor's own doing, such as a bookmark. `same-site` is a neighbour, perhaps a taken-over one.
  if (site !== undefined)
    return site === 'same-origin' || site === 'none' ? { ok: true, by: 'fetch-site' } : { ok: false, reason: 'fetch-site' }
  const origin = header('origin')
  if (origin !== undefined) return origins.has(origin) ? { ok: true, by: 'origin' } : { ok: false, reason: 'origin' }
  const { token } = request
  return typeof token === 'string' && valid(token) ? { ok: true, by: 'token' } : { ok: false, reason: 'token' }
}

/** Whether the browser says nothing of where the request came from. */
export function decidesByToken({ method, header }: CsrfRequest): boolean {
  return !(method !== undefined && SAFE.has(method)) && header('sec-fetch-site') === undefined && header('origin') === undefined
}

/** The site's own origins, checked once at construction. */
export function originsOf(option: string, origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins)) throw new TypeError(`${option} must be a list of origins, such as ['https://shop.example']`)
  for (const origin of origins) {
    if (typeof origin !== 'string' || !isOrigin(origin)) {
      throw new TypeError(
        `${option}: "${String(origin).slice(0, 64)}" is no origin; write scheme, host and port if it is not the usual one, and nothing more`,
      )
    }
  }
  return new Set(origins as string[])
}

/** As a browser writes it: lower case, no path, no slash, no usual port. `null`, which sandboxed pages send, is never one. */
function isOrigin(text: string): boolean {
  try {
    return /^https?:/.test(text) && new URL(text).origin === text
  } catch {
    return false
  }
}

/** The key of the id that a session had before its first rotation: kept beside the data. */
const FIRST = 'first'

/** What a session's tokens are bound to: no rotation of its id ends them, and every new id that the site asks for does. */
export function csrfSubjectOf({ meta, record, sid }: Loaded): string | undefined {
  const first = meta?.[FIRST]
  return typeof first === 'string' ? first : (sid ?? record?.key)
}

/** What a rotation keeps of it. */
export function sameSubject(loaded: Loaded, meta: Meta | undefined): Meta {
  return { ...meta, [FIRST]: csrfSubjectOf(loaded) }
}

/** What any other new id leaves behind. */
export function newSubject(meta: Meta | undefined): Meta | undefined {
  if (meta?.[FIRST] === undefined) return meta
  const { [FIRST]: _, ...others } = meta
  return others
}
