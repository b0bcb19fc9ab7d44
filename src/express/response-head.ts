import type { ServerResponse } from 'node:http'

export interface Status {
  statusCode: number
  statusMessage?: string
}

type Value = number | string | string[]

interface Before {
  /** As they were written: HTTP/2 has one spelling only. */
  names: readonly string[]
  values: Value[]
  status: Status
  corked: number
}

/** HTTP/2 has no status message, and warns of one. */
export const hasMessage = (res: ServerResponse): boolean => !('stream' in res)

export function statusOf(res: ServerResponse): Status {
  const { statusCode } = res
  return hasMessage(res) ? { statusCode, statusMessage: res.statusMessage } : { statusCode }
}

export function putStatus(res: ServerResponse, status: Status): void {
  res.statusCode = status.statusCode
  if ('statusMessage' in status) res.statusMessage = status.statusMessage as string
}

/** The head as it is now. What stands for a response at a WebSocket's handshake has no list of names. */
export function beforeOf(res: ServerResponse): Before {
  const names = (res as { getRawHeaderNames?(): string[] }).getRawHeaderNames?.() ?? res.getHeaderNames?.() ?? []
  const values: Value[] = []
  for (const name of names) values.push(copyOf(res.getHeader(name) as Value))
  return { names, values, status: statusOf(res), corked: res.writableCorked }
}

/** `appendHeader` writes to the list that is there. */
const copyOf = (value: Value): Value => (Array.isArray(value) ? [...value] : value)

/** What Node notes when a header is removed, for the framing of the answer: it is not to be said of the next one. */
const NOTES = ['sendDate', '_removedConnection', '_removedContLen', '_removedTE'] as const

/** Makes a head what it was. */
export function restore(res: ServerResponse, { names, values, status }: Before): void {
  const target = res as unknown as Record<string, unknown>
  const notes = NOTES.filter(name => name in res).map(name => [name, target[name]])
  for (const name of res.getHeaderNames?.() ?? []) res.removeHeader(name)
  for (const [n, name] of names.entries()) res.setHeader(name, values[n] as Value)
  putStatus(res, status)
  Object.assign(res, Object.fromEntries(notes))
}

/** The headers that are given to `writeHead`, in whichever form; undefined where Node refuses them, or the status. */
export function headersOf([code, second, third]: unknown[]): Iterable<[name: string, value: Value]> | undefined {
  if (!((Number(code) | 0) >= 100 && (Number(code) | 0) <= 999)) return undefined
  if (typeof second === 'string' && NOT_IN_A_LINE.test(second)) return undefined
  const given = typeof second === 'string' ? third : (third ?? second)
  if (!given) return []
  if (!Array.isArray(given)) return Object.entries(given).filter(([name]) => name !== '') as [string, Value][]
  const flat = Array.isArray(given[0]) ? given.flat() : given
  return flat.length % 2 === 0 ? joined(flat) : undefined
}

/** What Node refuses in a status line. */
const NOT_IN_A_LINE = /[^\t\x20-\x7e\x80-\xff]/

/** Names and values in turn, where a name may come again. */
function joined(flat: unknown[]): Iterable<[name: string, value: Value]> {
  const headers = new Map<string, [name: string, value: Value]>()
  for (let n = 0; n < flat.length; n += 2) {
    const [name, value] = [flat[n] as string, flat[n + 1] as Value]
    const known = headers.get(String(name).toLowerCase())
    headers.set(String(name).toLowerCase(), known ? [known[0], [known[1], value].flat().map(String)] : [name, value])
  }
  return headers.values()
}
