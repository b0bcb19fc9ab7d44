// node-redis that is connected twice at once feeds the octets of both connections to one decoder. So an answer that came in two pieces may
// be completed by what the other connection brought between them. Its own decoder, and each place where an answer can be cut.
import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { ownAnswer } from '../../src/stores/redis/answers.ts'

interface Decoder {
  write(octets: Buffer): void
  reset(): void
}
type Callback = (value: unknown) => void
interface Callbacks {
  onReply: Callback
  onErrorReply: Callback
  onPush: Callback
  getTypeMapping(): object
}
// A part of node-redis that it does not give away by its name.
const DECODER = '@redis/client/dist/lib/RESP/decoder.js'
const { Decoder } = createRequire(createRequire(import.meta.url).resolve('redis'))(DECODER) as {
  Decoder: new (callbacks: Callbacks) => Decoder
}

beforeAll(() => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  return () => warn.mockRestore()
})

type Value = string | null | Value[]

/** As Redis writes it, by the protocol's second version or its third. */
function written(value: Value, nothing: string): string {
  if (value === null) return nothing
  if (typeof value === 'string') return `$${Buffer.byteLength(value)}\r\n${value}\r\n`
  return `*${value.length}\r\n${value.map(one => written(one, nothing)).join('')}`
}

/** What a client gets out of these pieces, in this order. */
function decoded(pieces: Buffer[]): unknown[] {
  const got: unknown[] = []
  const take: Callback = value => got.push(value)
  const decoder = new Decoder({ onReply: take, onErrorReply: take, onPush() {}, getTypeMapping: () => ({}) })
  for (const piece of pieces) {
    try {
      decoder.write(piece)
    } catch {
      // So does its client, and goes on.
      decoder.reset()
    }
  }
  return got
}

/** What of it a call with this tag takes for its answer. */
function taken(tag: string, got: unknown[]): unknown[] {
  return got.flatMap(one => {
    try {
      return [ownAnswer([tag, 'load'], one)]
    } catch {
      return []
    }
  })
}

function sizeOf(value: Value): number {
  if (Array.isArray(value)) return value.map(sizeOf).reduce((all, one) => all + one, 1)
  return 1 + Buffer.byteLength(value ?? '')
}

const OWN = 'aaaaaa'
const OTHER = 'zzzzzz'
const session = (name: string, user: string | null, octets: number): Value[] => [
  '1 9999999999999 1000 -',
  `version-of-${name}`,
  user,
  `{"createdAt":1,"userId":"${name}"}`,
  `{"of":"${name}","pad":"${'y'.repeat(octets)}"}`,
]
const contents: [string, Value][] = [
  ['a session', session('änn', 'user-ann', 300)],
  ['a small session of nobody', session('ann', null, 1)],
  ['a tombstone', ['destroyed']],
  ['nothing', null],
  ['a number', '1'],
  ['a long number', '-1234'],
  ['a list of ids', ['abc', 'def', 'ghi']],
  ['no ids', []],
  [
    "a user's sessions",
    [
      'done',
      [
        ['k1', session('ann', 'user-ann', 5)],
        ['k2', session('ann', 'user-ann', 5)],
      ],
    ],
  ],
  ['a page', ['0', ['holdfast:{abc}s:abc']]],
]
const protocols: [string, string][] = [
  ['RESP2', '$-1\r\n'],
  ['RESP3', '_\r\n'],
]

describe.each(protocols)('By %s', (_, nothing) => {
  const reply = (tag: string, content: Value) => Buffer.from(written([tag, content, `${tag}${sizeOf(content)}`], nothing))
  const strangers: Buffer[] = [
    ...contents.map(([, content]) => reply(OTHER, JSON.parse(JSON.stringify(content).replaceAll('ann', 'bob')) as Value)),
    ...[nothing, '+OK\r\n', '+PONG\r\n', ':0\r\n', ':57\r\n', ':-1\r\n', '$0\r\n\r\n', '$2\r\nOK\r\n', '*0\r\n'].map(text =>
      Buffer.from(text),
    ),
    Buffer.from('-ERR value is not an integer or out of range\r\n'),
    Buffer.from(written(['1234', ['k1', 'k2']], nothing)),
    Buffer.from(written('x'.repeat(700), nothing)),
  ]

  it.each(contents)('%s is taken whole or not at all, wherever it is cut, and whatever comes between', (_name, content) => {
    const own = reply(OWN, content)
    expect(taken(OWN, decoded([own]))).toEqual([content])
    const wrong: unknown[] = []
    for (let cut = 1; cut < own.length; cut++) {
      expect(taken(OWN, decoded([own.subarray(0, cut), own.subarray(cut)]))).toEqual([content])
      for (const between of strangers) {
        const got = decoded([own.subarray(0, cut), between, own.subarray(cut)])
        for (const answer of taken(OWN, got)) if (!isDeepStrictEqual(answer, content)) wrong.push([cut, String(between), answer])
      }
    }
    expect(wrong).toEqual([])
  })

  it('two answers that are both cut are taken whole or not at all', () => {
    const small: Value[] = [session('ann', null, 1), ['destroyed'], null, '1']
    const wrong: unknown[] = []
    for (const mine of small) {
      for (const yours of small) {
        const [a, b] = [reply(OWN, mine), reply(OTHER, JSON.parse(JSON.stringify(yours).replaceAll('ann', 'bob')) as Value)]
        for (let cut = 1; cut < a.length; cut++) {
          for (let other = 1; other < b.length; other++) {
            const got = decoded([a.subarray(0, cut), b.subarray(0, other), a.subarray(cut), b.subarray(other)])
            for (const answer of taken(OWN, got)) if (!isDeepStrictEqual(answer, mine)) wrong.push([cut, other, answer])
            for (const answer of taken(OTHER, got)) if (JSON.stringify(answer)?.includes('ann')) wrong.push([cut, other, answer])
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  it('that a tag stands in front says nothing about what comes behind it', () => {
    const content = session('ann', 'user-ann', 300)
    const own = reply(OWN, content)
    const mixed = new Set<number>()
    for (let cut = 1; cut < own.length; cut++) {
      for (const one of decoded([own.subarray(0, cut), reply(OTHER, session('bob', 'user-bob', 300)), own.subarray(cut)])) {
        if (Array.isArray(one) && one[0] === OWN && !isDeepStrictEqual(one[1], content)) mixed.add(cut)
      }
    }
    // The decoder does that at many places. If ever it does no more, this file tests nothing.
    expect(mixed.size).toBeGreaterThan(10)
  })
})
