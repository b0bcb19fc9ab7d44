import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkChunkedSize, join, MAX_CHUNKS, split, staleChunks } from '../../../src/cookie/chunks.ts'
import { CookieTransport } from '../../../src/cookie/transport.ts'
import { SealedCodec } from '../../../src/crypto/sealed.ts'
import { fixedKeys } from '../crypto/keys.ts'
import { clock, HOUR, START, secret } from '../support.ts'

const name = '__Host-sid'
const codec = new SealedCodec(fixedKeys([secret(1)]), { scope: name, longestLifeMs: HOUR, now: clock().now })
const seal = (text: string) => codec.encode(text, undefined, START + HOUR)
const headerOf = (values: readonly string[]) => values.map((value, place) => `${name}${place ? `.${place}` : ''}=${value}`).join('; ')
const open = (header: string) => {
  const token = new CookieTransport({ chunks: true }).read(header_ => (header_ === 'cookie' ? header : undefined))
  return token === undefined ? undefined : (codec.decode(token as string)?.value ?? null)
}

/** Headers of a response, as Node keeps them. */
function response() {
  let lines: readonly string[] = []
  return {
    get: () => lines,
    set: (_name: string, value: string | readonly string[]) => {
      lines = value as readonly string[]
    },
    pairs: () => lines.map(line => (line.split(';')[0] as string).replace(/=(.{6}).*/, '=$1…')),
    lines: () => lines,
  }
}

describe('a session in several cookies', () => {
  it('comes back from any length, and no cookie is larger than a browser keeps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 15_200 }), length => {
        const text = 'x'.repeat(length)
        const values = split(name, seal(text)) as string[]
        expect(values.length).toBeLessThanOrEqual(MAX_CHUNKS)
        for (const pair of headerOf(values).split('; ')) expect(pair.length - 1).toBeLessThanOrEqual(4096)
        expect(open(headerOf(values))).toBe(text)
      }),
      { numRuns: 60 },
    )
  })

  it('what fits into one cookie is one, as without the option', () => {
    const token = seal('x')
    expect(split(name, token)).toEqual([token])
    const edge = 'x'.repeat(4096 - name.length)
    expect(split(name, edge)).toEqual([edge])
    expect(split(name, `${edge}x`)?.length).toBe(2)
  })

  it('over five is the typed error, with the largest keys', () => {
    const room = 5 * (4096 - name.length - 2)
    expect(split(name, 'x'.repeat(room))?.length).toBe(5)
    expect(split(name, 'x'.repeat(room + 1))).toBeNull()
    expect(() => checkChunkedSize(name, 'x'.repeat(room), {})).not.toThrow()
    expect(() => checkChunkedSize(name, 'x'.repeat(room + 1), { big: 1 })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_COOKIE_TOO_LARGE', limit: room, largestKeys: [{ key: 'big', octets: 1 }] }),
    )
  })

  it('a missing, doubled, swapped, foreign, stale, cut or longer chunk is no session; one too many is not looked at', () => {
    const values = split(name, seal('x'.repeat(10_000))) as string[]
    const older = split(name, seal('y'.repeat(10_000))) as string[]
    expect(values.length).toBe(4)
    const at = (place: number, value: string) => values.map((own, index) => (index === place ? value : own))
    for (let place = 0; place < values.length; place++) {
      const others = headerOf(values).split('; ')
      expect(open(others.filter((_, index) => index !== place).join('; '))).toBe(place === 0 ? undefined : null)
      expect(open(headerOf(at(place, older[place] as string)))).toBeNull()
      expect(open(headerOf(at(place, (values[place] as string).slice(0, -1))))).toBeNull()
      expect(open(headerOf(at(place, `${values[place]}A`)))).toBeNull()
      expect(open(headerOf(at(place, '')))).toBeNull()
      if (place > 0) expect(open(`${headerOf(values)}; ${name}.${place}=${older[place]}`)).toBeNull()
    }
    expect(open(headerOf([values[0], values[2], values[1], values[3]] as string[]))).toBeNull()
    for (const count of ['0', '1', '2', '3', '5', '6', '9', '44', '-4', ''])
      expect(open(headerOf(at(0, (values[0] as string).replace('4', count)))), count).toBeNull()
    expect(open(`${headerOf(values)}; ${name}.4=${older[1]}; ${name}.9=z`)).toBe('x'.repeat(10_000))
  })

  it('never throws on what a client sends', () => {
    const part = fc.oneof(fc.constantFrom('2.', '5.', '2.AgX', 'Ag', '', '.', '9.'), fc.string({ maxLength: 20 }))
    fc.assert(fc.property(fc.array(part, { maxLength: 6 }), values => open(headerOf(values)) == null))
  })

  it('stale chunks are cleared: when the session shrinks, when it ends, and none that the browser does not have', () => {
    const transport = new CookieTransport({ chunks: true })
    const big = split(name, seal('x'.repeat(10_000))) as string[]
    const has = (values: readonly string[]) => () => headerOf(values)
    const shrunk = response()
    transport.write(shrunk, seal('x'), undefined, has(big))
    expect(shrunk.lines().slice(1)).toEqual(
      [1, 2, 3].map(n => `${name}.${n}=; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0`),
    )
    const ended = response()
    transport.clear(ended, has(big))
    expect(ended.pairs()).toEqual([`${name}=`, `${name}.1=`, `${name}.2=`, `${name}.3=`])
    const small = response()
    transport.write(small, seal('x'), undefined, has([seal('y')]))
    expect(small.lines().length).toBe(1)
    expect(staleChunks(undefined, name, 1)).toEqual([])
  })

  it('a second write in one response takes the place of the first, with all its chunks', () => {
    const transport = new CookieTransport({ chunks: true })
    const headers = response()
    headers.set('Set-Cookie', [`other=1`, `${name}.10=theirs`])
    transport.write(headers, seal('x'.repeat(10_000)))
    expect(headers.lines().length).toBe(6)
    transport.write(headers, seal('x'))
    expect(headers.pairs()).toEqual(['other=1', `${name}.10=theirs…`.replace('…', '…'), `${name}=${seal('x').slice(0, 6)}…`])
  })

  it('an incomplete one is told as a bad cookie, not as none', () => {
    expect(join(`${name}=2.AgX`, name, '2.AgX')).toBeNull()
    expect(new CookieTransport({ chunks: true }).read(() => `${name}=2.AgX`)).toBe('.')
    expect(new CookieTransport({ chunks: true }).read(() => undefined)).toBeUndefined()
    const read = (values: string[]) => new CookieTransport({ chunks: true }).read(() => values.map(value => `${name}=${value}`).join('; '))
    expect(read(['AgX', '2.AgY', 'AgZ'])).toEqual(['AgX', '.', 'AgZ'])
    // Without the option a count means nothing.
    expect(new CookieTransport().read(() => `${name}=2.AgX`)).toBe('2.AgX')
  })
})
