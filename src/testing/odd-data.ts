import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/record.ts'
import type { Bench } from './bench.ts'

const LARGEST_OCTETS = 256 * 1024

/** Texts that a layout of keys, columns or fields might trip over, or that a JSON column would write anew. */
const ODD_TEXTS: Record<string, string> = {
  'an empty object': '{}',
  'names of prototypes': '{"__proto__":{"admin":true},"constructor":1,"prototype":2,"toString":3,"hasOwnProperty":false,"length":5}',
  'names of fields': '{"_id":"x","id":1,"key":"y","data":"z","version":"v","gone":"destroyed","recent":[],"userKey":"u","until":0}',
  'names with a meaning elsewhere': '{"":"","$set":{"a.b":1},"$where":"1","a.b":2,"0":0,"1":1,"%s":"%d","?":"?","$1":"$1",":name":"@p"}',
  escapes: '{"lone":"\\ud800","other":"\\udfff\\ud800","nul":"\\u0000","lines":"\\u2028\\u2029\\r\\n\\t","escaped":"\\\\u0041\\/"}',
  quotes: '{"quotes":"\'\\"`;--/*","close":"\'); DROP TABLE sessions; --","lua":"]]=]","dollars":"$$a$$"}',
  'every kind of value': '{"a":null,"b":true,"c":false,"d":0,"e":"","f":[],"g":{},"h":[[],{},null,[{}]],"i":"text"}',
  'numbers as they are written': '{"a":1.0,"b":1e21,"c":-0,"d":-0.5,"e":12345678901234567890,"f":1E+2,"g":9007199254740993,"h":0.1e-7}',
  'order, blanks and doubles': '{ "b" : 1 ,\n\t"a":2,  "a" : 3, "B":4 }',
  depth: `{"a":${'['.repeat(64)}{"b":null}${']'.repeat(64)}}`,
  'text in many scripts': '{"é":"e\u0301 é","日本":"語","😀":"👩‍👩‍👧","ا":"\u202eא","İ":"ıſß","a ":" a"}',
  'not a number, not a date': '{"a":"NaN","b":"2030-01-01T00:00:00.000Z","c":"null","d":"true","e":"undefined"}',
}

const ODD_META: Record<string, unknown>[] = [
  {},
  { $set: 1, 'a.b': 2, '': 3, _id: 4, length: 5, constructor: { name: 6 } },
  { nested: { list: [[], {}, null, true, -0.5, 1e21, 'text'], empty: '' } },
  { text: 'é 😀 \u0000 \u2028 \ud800 \'"`;--\\' },
  JSON.parse('{"__proto__":{"admin":true},"1":1,"0":0}') as Record<string, unknown>,
]

const ODD_USER_IDS = [
  'Bob',
  'bob',
  'bob ',
  ' bob',
  'bób',
  'bo\u0301b',
  'b%b',
  'b_b',
  "'; --",
  '"',
  '\\',
  '0',
  'null',
  '😀',
  '\u202ebob',
  'x'.repeat(255),
]

export function oddData({ describe, test, now, records: { key, next, record, userKey } }: Bench): void {
  describe('odd data', () => {
    for (const [what, data] of Object.entries(ODD_TEXTS)) {
      test(`comes back to the octet: ${what}`, async ({ one, two }) => {
        const made = record({ data })
        assert.equal(await one.create(made), true)
        assert.deepEqual(await two.load(made.key), made)
        const again = next(made, { data })
        assert.deepEqual(await two.save(again, made.version), { status: 'saved' })
        assert.deepEqual(await one.load(made.key), again)
        assert.deepEqual(await one.save(next(made), made.version), { status: 'conflict', current: again })
        const moved = record({ key: key(made.partition), data })
        await one.replace(made.key, again.version, moved, 'rotated')
        assert.deepEqual(await two.load(moved.key), moved)
        assert.equal(({} as { admin?: unknown }).admin, undefined)
      })
    }

    test('H21: comes back to the octet at the size limit, 256 KiB', async ({ one, two }) => {
      for (const letter of ['x', '😀', '\\ud800']) {
        const octets = Buffer.byteLength(letter)
        const data = `{"text":"${letter.repeat(Math.floor((LARGEST_OCTETS - 11) / octets))}"}`
        const made = record({ data })
        assert.ok(Buffer.byteLength(data) <= LARGEST_OCTETS && Buffer.byteLength(data) > LARGEST_OCTETS - 11 - octets)
        assert.equal(await one.create(made), true)
        assert.deepEqual(await two.load(made.key), made)
        const again = next(made, { data: data.replace('text', 'TEXT') })
        assert.deepEqual(await two.save(again, made.version), { status: 'saved' })
        assert.deepEqual(await one.load(made.key), again)
      }
    })

    test('meta comes back as it was', async ({ one, two }) => {
      for (const meta of ODD_META) {
        const made = record({ meta })
        assert.equal(await one.create(made), true)
        const found = (await two.load(made.key)) as SessionRecord
        assert.deepEqual(found, made)
        assert.equal(JSON.stringify(found.meta), JSON.stringify(meta))
      }
      assert.equal(({} as { admin?: unknown }).admin, undefined)
    })

    test('times and spans come back, from the first to the last that a number can hold', async ({ one, two }) => {
      const most = Number.MAX_SAFE_INTEGER
      for (const part of [
        { createdAt: 0, touchedAt: 1, authenticatedAt: 0 },
        { idleMs: most, expiresAt: most, absoluteExpiresAt: most, maxAge: most },
        { idleMs: 1, expiresAt: now() + 3_456_789_012_345, maxAge: 0 },
        { createdAt: now() - 1, touchedAt: now() + 1, authenticatedAt: now() + 1, maxAge: 2 ** 31 },
      ]) {
        const made = record(part)
        assert.equal(await one.create(made), true)
        assert.deepEqual(await two.load(made.key), made)
        assert.equal(await one.touch(made.key, { touchedAt: made.touchedAt, expiresAt: made.expiresAt }), true)
        assert.deepEqual(await two.load(made.key), made)
      }
    })

    test('H14: names of users come back, and users whose names look alike are different users', async ({ one, two }) => {
      const user = userKey('abc')
      // A hash of a name is no word: the case of its letters counts, and so does each of them.
      const [small, large] = [`${user.slice(0, 42)}a`, `${user.slice(0, 42)}A`]
      const users = [small, large, ...ODD_USER_IDS.map(() => userKey('abc'))]
      const made = users.map((of, n) => record({ userKey: of, userId: ODD_USER_IDS[n % ODD_USER_IDS.length] ?? 'Bob' }))
      for (const one_ of made) assert.equal(await one.create(one_), true)
      for (const one_ of made) assert.deepEqual(await two.listByUser(one_.userKey ?? ''), [one_])
      assert.equal(await two.deleteByUser(small), 1)
      assert.deepEqual([await one.listByUser(small), await one.listByUser(large)], [[], [made[1]]])
    })
  })
}
