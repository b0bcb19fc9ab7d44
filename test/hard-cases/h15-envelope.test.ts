import { afterEach, expect, it, vi } from 'vitest'
import { MAX_CHUNKS, split } from '../../src/cookie/chunks.ts'
import { Key } from '../../src/crypto/keyring.ts'
import { SealedCodec, type SealedOptions } from '../../src/crypto/sealed.ts'
import { fixedKeys } from '../unit/crypto/keys.ts'
import { clock, DAY, HOUR, MINUTE, START, secret } from '../unit/support.ts'

const LATER = START + 400 * DAY
const keys = [secret(1), { secret: secret(2), revoked: true }]
const make = (options: Partial<SealedOptions> = {}, ring: Parameters<typeof fixedKeys>[0] = keys, time = clock()) =>
  new SealedCodec(fixedKeys(ring), { scope: 'sid', longestLifeMs: 12 * HOUR, now: time.now, ...options })

afterEach(() => void vi.restoreAllMocks())

/** Counts derivations from here on, of all keys. */
const derivations = () => vi.spyOn(Key.prototype, 'derive')

/** A token with its octets changed. */
function changed(token: string, change: (octets: Buffer) => Buffer | undefined): string {
  const octets = Buffer.from(token, 'base64url')
  return (change(octets) ?? octets).toString('base64url')
}

const [KEY_ID, ORIGIN, BORN_AT, HOUR_AT, BODY] = [1, 7, 13, 17, 33]

it('H15: length, alphabet, spelling, version, keys and times are looked at before any key is derived', () => {
  const token = make().encode('{"user":"ann"}', undefined, LATER)
  const reader = make()
  const derive = derivations()
  const hours = (n: number) => changed(token, octets => void octets.writeUInt32BE(octets.readUInt32BE(HOUR_AT) + n, HOUR_AT))
  const revoked = Buffer.from(new Key(secret(2)).id, 'base64url')
  const refused: Record<string, string> = {
    nothing: '',
    'too short': changed(token, octets => octets.subarray(0, 33 + 9 + 16 - 1)),
    'longer than five cookies': `Ag${'A'.repeat(5 * 4096)}`,
    'another alphabet': `${token.slice(0, 20)}+${token.slice(21)}`,
    padding: `${token}=`,
    'a line end': `${token}\n`,
    'text beyond ASCII': `${token.slice(0, 20)}\u0141${token.slice(21)}`,
    'version 1': changed(token, octets => void octets.writeUInt8(1, 0)),
    'version 3': changed(token, octets => void octets.writeUInt8(3, 0)),
    'an unknown key': changed(token, octets => void octets.fill(7, KEY_ID, ORIGIN)),
    'a revoked key': changed(token, octets => void revoked.copy(octets, KEY_ID)),
    'a revoked origin': changed(token, octets => void revoked.copy(octets, ORIGIN)),
    'an hour that is still to come': hours(1),
    'an hour longer ago than any life': hours(-14),
    'the first hour of all': changed(token, octets => void octets.writeUInt32BE(0, HOUR_AT)),
    'the last hour of all': changed(token, octets => void octets.writeUInt32BE(0xffff_ffff, HOUR_AT)),
    'a beginning that is still to come': changed(token, octets => void octets.writeUInt32BE(START / 1000 + 61, BORN_AT)),
  }
  for (const [what, text] of Object.entries(refused)) expect(reader.decode(text), what).toBeNull()
  expect(make({ rejectIssuedBefore: () => START + 1 }).decode(token)).toBeNull()
  expect(make({ revokedOrigins: new Set([new Key(secret(1)).id]) }).decode(token)).toBeNull()
  expect(derive).not.toHaveBeenCalled()
  // The same reader does derive, and open, what is in order.
  expect(reader.decode(token)?.value).toBe('{"user":"ann"}')
  expect(derive).toHaveBeenCalledTimes(1)
})

it('H15: a derived key is kept after a successful open only: forged hours neither fill the cache nor push others out', () => {
  const time = clock()
  const codec = make({ longestLifeMs: 400 * DAY }, keys, time)
  const token = codec.encode('x', undefined, LATER)
  const derive = derivations()
  const forged = (hours: number) => changed(token, octets => void octets.writeUInt32BE(octets.readUInt32BE(HOUR_AT) - hours, HOUR_AT))
  for (let hours = 1; hours <= 1500; hours++) expect(codec.decode(forged(hours))).toBeNull()
  expect(derive).toHaveBeenCalledTimes(1500)
  expect(codec.decode(forged(1))).toBeNull()
  expect(derive).toHaveBeenCalledTimes(1501)
  expect(codec.decode(token)?.value).toBe('x')
  expect(derive).toHaveBeenCalledTimes(1501)
})

it('H15: at most a thousand derived keys are kept', () => {
  const time = clock()
  const codec = make({ longestLifeMs: 400 * DAY }, keys, time)
  const tokens: string[] = []
  for (let hours = 0; hours < 1001; hours++) {
    tokens.push(codec.encode('x', undefined, LATER))
    time.advance(HOUR)
  }
  const derive = derivations()
  for (const token of tokens.slice(1)) expect(codec.decode(token)).not.toBeNull()
  expect(derive).not.toHaveBeenCalled()
  expect(codec.decode(tokens[0] as string)).not.toBeNull()
  expect(derive).toHaveBeenCalledTimes(1)
})

it('H15: the whole header, the scope and the purpose are bound, and a tag is whole or nothing', () => {
  const token = make().encode('{"user":"ann"}', undefined, LATER)
  for (let at = 0; at < BODY; at++) {
    const flipped = changed(token, octets => void octets.writeUInt8((octets[at] as number) ^ 1, at))
    expect(make({ longestLifeMs: 400 * DAY }).decode(flipped), `octet ${at}`).toBeNull()
  }
  expect(make({ scope: 'admin.sid' }).decode(token)).toBeNull()
  expect(make({ purpose: 'remember' }).decode(token)).toBeNull()
  for (const missing of [1, 4, 8, 12]) expect(make().decode(changed(token, octets => octets.subarray(0, -missing)))).toBeNull()
})

it('H15: one text has one spelling: spare bits of the last character are no second one', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (const text of ['a', 'ab', 'abc']) {
    const token = make().encode(text, undefined, LATER)
    const others = [...alphabet].map(last => token.slice(0, -1) + last).filter(other => other !== token)
    expect(others.filter(other => make().decode(other) !== null)).toEqual([])
  }
})

it('H15: nothing is compressed: the length says how long the text is, and nothing of what is in it', () => {
  const random = Array.from({ length: 2000 }, (_, n) => ((n * 7919) % 64).toString(36))
    .join('')
    .slice(0, 2000)
  const lengths = ['x'.repeat(2000), random].map(text => make().encode(text, undefined, LATER).length)
  expect(lengths).toEqual([Math.ceil(((BODY + 9 + 2000 + 16) * 4) / 3), lengths[0]])
})

it('H15: a token is sealed first and cut then, into five cookies at most', () => {
  const room = MAX_CHUNKS * (4096 - '__Host-sid'.length - 2)
  expect(MAX_CHUNKS).toBe(5)
  const most = Math.floor((room * 3) / 4) - BODY - 9 - 16
  const token = make().encode('x'.repeat(most), undefined, LATER)
  const values = split('__Host-sid', token) as string[]
  expect(values).toHaveLength(5)
  // What one cookie holds is no envelope of its own.
  for (const value of values) expect(make().decode(value)).toBeNull()
  expect(split('__Host-sid', make().encode('x'.repeat(most + 3), undefined, LATER))).toBeNull()
})

it('H15: a clock that is a minute behind reads what another has just written', () => {
  const [ahead, behind] = [clock(), clock()]
  ahead.advance(MINUTE)
  expect(make({}, keys, behind).decode(make({}, keys, ahead).encode('x', undefined, LATER))?.value).toBe('x')
})
