import { UsageError } from '../command.ts'

/** A cookie as somebody has copied it from a browser, a log or a header. */
export interface GivenCookie {
  /** Absent where only its value was given. */
  name?: string | undefined
  value: string
  /** The value of `<name>.sig`, where it came along. */
  signature?: string | undefined
}

/** Prefixes of lines that are copied whole. */
const HEADER = /^(?:set-)?cookie:\s*/i
const SIGNATURE = '.sig'
const MOST_CHUNKS = 5

/**
 * Reads a value alone, `name=value`, or a Cookie header, with a Set-Cookie line for each cookie. `wanted`: which of several.
 * What it throws repeats no value.
 */
export function readCookie(text: string, wanted?: string): GivenCookie {
  const pairs = pairsOf(text)
  if (pairs.size === 0) return { value: unquoted(text.trim()), name: wanted }
  const name = nameAmong(pairs, wanted)
  const value = joined(pairs, name)
  return { name, value: unescaped(value), signature: pairs.get(`${name}${SIGNATURE}`) }
}

/** Names and values, as they stand there; none where the text is one value alone, which may end with the = of base64. */
function pairsOf(text: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const line of text.trim().split(/\r?\n/)) {
    const [first = '', ...others] = line.replace(HEADER, '').split(';')
    // Of a Set-Cookie line only the first is a cookie.
    for (const part of /^set-cookie:/i.test(line) ? [first] : [first, ...others]) {
      const found = /^\s*([!#$%&'*+.^_`|~\w-]+)=([^=\s].*?)\s*$/.exec(part)
      if (found) pairs.set(found[1] as string, unquoted(found[2] as string))
    }
  }
  return pairs
}

function nameAmong(pairs: ReadonlyMap<string, string>, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (!pairs.has(wanted)) throw new UsageError('there is no cookie of the name that --name gives')
    return wanted
  }
  const names = [...pairs.keys()].filter(name => !name.endsWith(SIGNATURE) && !/\.[1-4]$/.test(name))
  if (names.length === 1) return names[0] as string
  throw new UsageError('there are several cookies: --name says which')
}

/** A cookie in chunks: the first says how many there are. */
function joined(pairs: ReadonlyMap<string, string>, name: string): string {
  const first = pairs.get(name) as string
  const count = Number(/^([2-5])\.A/.exec(first)?.[1] ?? 1)
  if (count === 1 || count > MOST_CHUNKS) return first
  const rest = Array.from({ length: count - 1 }, (_, at) => pairs.get(`${name}.${at + 1}`))
  if (rest.includes(undefined)) throw new UsageError(`the cookie is in ${count} chunks, and not all of them are here`)
  return first.slice(2) + rest.join('')
}

const unquoted = (text: string) => text.replace(/^"(.*)"$/, '$1')

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
