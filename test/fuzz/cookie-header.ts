import fc from 'fast-check'

/** What the generated headers are made of: real tokens of the site, so that they are bent and not only invented. */
export interface Known {
  /** Of the session's cookies, its own first. */
  names: readonly [string, ...string[]]
  tokens: readonly string[]
}

/** Octets of a header, as Node gives them: one character each. */
const raw = fc.array(fc.nat(0xff), { maxLength: 200 }).map(octets => String.fromCharCode(...octets))
const base64url = fc
  .array(fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'), { maxLength: 120 })
  .map(letters => letters.join(''))
const evil = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '[object Object]',
  'null',
  'undefined',
  '%00',
  '%',
  '%F0%28%8C%28',
  '../../etc/passwd',
  'j:{"__proto__":{"a":1}}',
  '{"__proto__":{"a":1}}',
  's:',
  's:.',
  '$where',
  '\0',
  '"',
  '""',
  'x'.repeat(5000),
  'AQ'.repeat(9000),
)

/** A token that is nearly one: cut, extended, changed in one place, joined with another. */
const bent = (tokens: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...tokens),
      fc.constantFrom(...tokens),
      fc.nat(),
      fc.constantFrom('cut', 'add', 'change', 'join', 'case', 'encode', 'swap'),
    )
    .map(([token, other, place, how]) => {
      const at = place % token.length
      switch (how) {
        case 'cut':
          return token.slice(0, at)
        case 'add':
          return `${token.slice(0, at)}A${token.slice(at)}`
        case 'change':
          return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
        case 'join':
          return token.slice(0, at) + other.slice(at % other.length)
        case 'case':
          return token.slice(0, at) + token.slice(at).toUpperCase()
        case 'encode':
          return `${token.slice(0, at)}%41${token.slice(at + 1)}`
        default:
          return token.split('.').reverse().join('.')
      }
    })

/** Values of a cookie that are none, or nearly none. */
export const cookieValue = (tokens: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: bent(tokens) }, { weight: 2, arbitrary: base64url }, { weight: 2, arbitrary: evil }, raw)

/** Cookie headers: half of them structured, half of them octets. */
export function cookieHeader({ names, tokens }: Known): fc.Arbitrary<string> {
  const [name] = names
  const value = cookieValue(tokens)
  const spelling = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...names) },
    fc.constantFrom(name.toLowerCase(), ` ${name}`, `${name} `, `"${name}"`, `\u00a0${name}`, '__proto__', 'constructor', 'other', ''),
  )
  const pair = fc
    .tuple(spelling, fc.constantFrom('=', '==', ' = ', ''), value, fc.boolean())
    .map(([key, sign, text, quoted]) => key + sign + (quoted ? `"${text}"` : text))
  const structured = fc
    .tuple(fc.array(pair, { maxLength: 6 }), fc.constantFrom('; ', ';', ',', ';;', ' ;\t'))
    .map(([pairs, between]) => pairs.join(between))
  return fc.oneof(
    structured,
    raw,
    fc.tuple(raw, structured).map(([left, right]) => `${left};${right}`),
  )
}
