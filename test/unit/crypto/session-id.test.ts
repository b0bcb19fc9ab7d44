import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createRefs, keyOf, newId, newUuid, newVersion, partitionOf } from '../../../src/crypto/session-id.ts'

const NATIVE = /^[\w-]{3}\.[\w-]{43}$/
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

describe('ids', () => {
  it('have their form and never come twice, across the refills of the pool', () => {
    const ids = Array.from({ length: 100_000 }, newId)
    expect(ids.filter(id => !NATIVE.test(id))).toEqual([])
    expect(new Set(ids.map(id => id.slice(4))).size).toBe(ids.length)
  })

  it('for a peer store are uuids, never one twice', () => {
    const ids = Array.from({ length: 20_000 }, newUuid)
    expect(ids.filter(id => !UUID.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('are drawn whole, whatever is left in the pool: no octets of nothing, none drawn twice', () => {
    // Draws of 12, 16, 3 and 32 octets meet the end of the pool at many places.
    const drawn: string[] = []
    for (let i = 0; i < 3000; i++) {
      drawn.push(newVersion(), newUuid().replaceAll('-', ''), newId().slice(4))
      if (i % 3 === 0) drawn.push(newVersion())
    }
    const hex = drawn.map(text => (text.length === 32 ? text : Buffer.from(text, 'base64url').toString('hex')))
    expect(hex.filter(text => text.includes('00'.repeat(6)))).toEqual([])
    const pieces = hex.flatMap(text => text.match(/.{16}/g) ?? [])
    expect(new Set(pieces).size).toBe(pieces.length)
  })

  it('use every bit: each is set in about half of them', () => {
    const ids = Array.from({ length: 4000 }, () => Buffer.from(newId().slice(4), 'base64url'))
    for (let bit = 0; bit < 256; bit++) {
      const set = ids.filter(id => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1).length
      expect(set).toBeGreaterThan(1700)
      expect(set).toBeLessThan(2300)
    }
    expect(new Set(ids.map(() => partitionOf(newId()))).size).toBeGreaterThan(3500)
  })
})

it('the partition is the tag of a native id; another id has none', () => {
  expect(partitionOf('abc.secret')).toBe('abc')
  expect(['', 'abcdef', 'ab.c', '550e8400-e29b-41d4-a716-446655440000'].map(partitionOf)).toEqual(['', '', '', ''])
})

it('a version has 96 bits', () => {
  expect(newVersion()).toMatch(/^[\w-]{16}$/)
})

it('a key is the SHA-256 of scope, NUL and id', () => {
  expect(keyOf('sid', 'the id')).toBe(createHash('sha256').update('sid\0the id').digest('base64url'))
  expect(new Set([keyOf('a', 'b'), keyOf('ab', ''), keyOf('', 'ab'), keyOf('A', 'b')]).size).toBe(4)
})

it('a ref stands for an id within one process, and tells nothing of it', () => {
  const [here, there] = [createRefs(), createRefs()]
  expect(here('id')).toMatch(/^[\w-]{11}$/)
  expect(here('id')).toBe(here('id'))
  expect(new Set([here('id'), here('id2'), there('id')]).size).toBe(3)
})
