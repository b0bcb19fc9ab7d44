import * as ours from 'holdfast/koa'
import * as theirs from 'koa-session'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp, holdfast, koaMajors, type Loose, peer } from '../support/subjects.ts'

const store = { get: async () => {}, set: async () => {}, destroy: async () => {} }

function outcome(act: () => unknown): Loose {
  try {
    return { result: typeof act() }
  } catch (error) {
    return { type: (error as Error).constructor.name, message: (error as Error).message }
  }
}

/** Each is refused by both; the message names the option, and says what the peer's says of it. */
const refused: [string, Loose, RegExp?][] = [
  ['maxAge', { maxAge: Number.NaN }, /Invalid input/],
  ['maxAge', { maxAge: '1000' }, /Invalid input/],
  ['maxAge', { maxAge: '1d' }, /Invalid input/],
  ['maxAge', { maxAge: null }, /Invalid input/],
  ['maxAge', { maxAge: true }, /Invalid input/],
  ['maxAge', { maxAge: new Date(0) }, /Invalid input/],
  ['maxAge', { maxage: 'soon' }, /Invalid input/],
  ['key', { key: 1 }],
  ['key', { key: null }],
  ['autoCommit', { autoCommit: 'yes' }],
  ['overwrite', { overwrite: 1 }],
  ['overwrite', { overwrite: null }],
  ['httpOnly', { httpOnly: 'no' }],
  ['signed', { signed: 0 }],
  ['rolling', { rolling: 'yes' }],
  ['renew', { renew: 1 }],
  ['secure', { secure: 'auto' }],
  ['secure', { secure: null }],
  ['sameSite', { sameSite: true }],
  ['sameSite', { sameSite: 1 }],
  ['store', { store: {} }],
  ['store', { store: null }],
  ['store', { store: 'memory' }],
  ['store', { store: { ...store, get: 1 } }],
  ['store', { store: { get: store.get, set: store.set } }],
  ['externalKey', { externalKey: {} }],
  ['externalKey', { externalKey: 'x-session' }],
  ['externalKey', { externalKey: { get: () => '' } }],
  ['externalKey', { externalKey: { get: () => '', set: 1 } }],
  ['ContextStore', { ContextStore: {} }, /ContextStore must be a class/],
  ['ContextStore', { ContextStore: class {} }, /ContextStore\.prototype\.get must be function/],
  ['ContextStore', { ContextStore: classWith('get') }, /ContextStore\.prototype\.set must be function/],
  ['ContextStore', { ContextStore: classWith('get', 'set') }, /ContextStore\.prototype\.destroy must be function/],
  ['encode', { encode: 'base64' }],
  ['decode', { decode: 1 }],
  ['genid', { genid: 'uuid' }],
  ['prefix', { prefix: 1 }],
  ['valid', { valid: true }],
  ['beforeSave', { beforeSave: {} }],
]

const accepted: Loose[] = [
  {},
  undefined,
  null,
  { maxAge: 0 },
  { maxAge: -1 },
  { maxAge: 1.5 },
  { maxAge: 3_650 * 86_400_000 },
  { maxAge: Number.POSITIVE_INFINITY },
  { maxAge: 'session' },
  { maxAge: undefined },
  { key: '' },
  { key: 'a b' },
  { sameSite: 'sideways' },
  { sameSite: 'none' },
  { sameSite: undefined },
  { secure: undefined, overwrite: undefined, httpOnly: undefined, signed: undefined, autoCommit: undefined },
  { domain: 5, path: null, priority: 'never', partitioned: 'yes' },
  { store },
  { store: Object.create(store) },
  { store, externalKey: { get: () => '', set: () => {} } },
  { externalKey: undefined, store: undefined, ContextStore: undefined, genid: undefined, valid: undefined, beforeSave: undefined },
  { ContextStore: classWith('get', 'set', 'destroy') },
  { prefix: '' },
  { surprise: true },
]

function classWith(...methods: string[]): Loose {
  const Store = class {}
  for (const method of methods) Object.defineProperty(Store.prototype, method, { value: () => {} })
  return Store
}

afterEach(() => {
  vi.restoreAllMocks()
})

for (const koa of koaMajors) {
  describe(`session() on Koa ${koa}`, () => {
    it.each([
      ['session(options, app)', (subject: typeof peer) => subject.session({ key: 'k' }, createApp(koa))],
      ['session(app, options)', (subject: typeof peer) => subject.session(createApp(koa), { key: 'k' })],
      ['session(app)', (subject: typeof peer) => subject.session(createApp(koa))],
      ['session(undefined, app)', (subject: typeof peer) => subject.session(undefined, createApp(koa))],
      ['session(null, app)', (subject: typeof peer) => subject.session(null, createApp(koa))],
      ['session(app, null)', (subject: typeof peer) => subject.session(createApp(koa), null)],
    ])('%s gives a middleware of two arguments', (_, call) => {
      for (const subject of [peer, holdfast]) {
        const middleware = call(subject)
        expect(middleware, subject.name).toBeTypeOf('function')
        expect(middleware.length, subject.name).toBe(2)
      }
    })

    it.each([
      ['session()', () => []],
      ['session({})', () => [{}]],
      ['session(null)', () => [null]],
      ['session({}, {})', () => [{}, {}]],
      ['session(undefined, {})', () => [undefined, {}]],
      ['session({ key }, null)', () => [{ key: 'k' }, null]],
    ])('%s is a TypeError that says what is missing', (_, args) => {
      for (const subject of [peer, holdfast]) {
        expect(
          outcome(() => subject.session(...args())),
          subject.name,
        ).toEqual({
          type: 'TypeError',
          message: 'app instance required: `session(opts, app)`',
        })
      }
    })

    it.each(refused)('an improper %s is refused by both, by name: %o', (option, options, wording) => {
      vi.spyOn(console, 'warn').mockReturnValue()
      for (const subject of [peer, holdfast]) {
        const { message, result } = outcome(() => subject.session({ ...options }, createApp(koa)))
        expect(result, subject.name).toBeUndefined()
        expect(message, subject.name).toContain(option)
        if (wording) expect(message, subject.name).toMatch(wording)
      }
    })

    it.each(accepted.map(options => [options]))('is accepted by both: %o', options => {
      for (const subject of [peer, holdfast]) {
        expect(
          outcome(() => subject.session(options && { ...options }, createApp(koa))),
          subject.name,
        ).toEqual({ result: 'function' })
      }
    })

    it('sameSite: null is refused by koa-session, in spite of its README, and means unset in Holdfast', () => {
      expect(outcome(() => peer.session({ sameSite: null }, createApp(koa)))).toMatchObject({ type: 'ZodError' })
      expect(outcome(() => holdfast.session({ sameSite: null }, createApp(koa)))).toEqual({ result: 'function' })
    })

    it('the old spelling maxage works in both, with a notice', () => {
      for (const subject of [peer, holdfast]) {
        const notices: string[] = []
        vi.spyOn(console, 'warn').mockImplementation((...words) => void notices.push(words.join(' ')))
        vi.spyOn(process, 'emitWarning').mockImplementation((...words: unknown[]) => void notices.push(String(words[0])))
        const options: Loose = { maxage: 5_000 }
        subject.session(options, createApp(koa))
        expect(
          notices.filter(notice => /maxage.*maxAge/.test(notice)),
          subject.name,
        ).toHaveLength(1)
        vi.restoreAllMocks()
      }
    })

    it('maxage beside maxAge is ignored without a notice', () => {
      for (const subject of [peer, holdfast]) {
        const warn = vi.spyOn(console, 'warn').mockReturnValue()
        const emit = vi.spyOn(process, 'emitWarning').mockReturnValue()
        subject.session({ maxage: 'soon', maxAge: 1_000 }, createApp(koa))
        expect(JSON.stringify([...warn.mock.calls, ...emit.mock.calls]), subject.name).not.toContain('maxage')
        vi.restoreAllMocks()
      }
    })

    it('defines session and sessionOptions on app.context alone', () => {
      for (const subject of [peer, holdfast]) {
        const app = createApp(koa)
        subject.session({}, app)
        const session = Object.getOwnPropertyDescriptor(app.context, 'session')
        expect(session, subject.name).toMatchObject({ configurable: true, get: expect.any(Function), set: expect.any(Function) })
        expect(Object.getOwnPropertyDescriptor(app.context, 'sessionOptions')?.get, subject.name).toBeTypeOf('function')
        expect('session' in createApp(koa).context, subject.name).toBe(false)
      }
    })
  })
}

describe('the exports', () => {
  it('are those of koa-session', () => {
    expect(Object.keys(ours)).toEqual(expect.arrayContaining(['createSession', 'SessionOptions', 'default']))
    expect((ours as Loose).createSession).toBe((ours as Loose).default)
    expect((theirs as Loose).createSession).toBe((theirs as Loose).default)
  })

  it('SessionOptions.parse({}) gives the same defaults', () => {
    const shape = (options: Loose) =>
      Object.fromEntries(Object.entries(options).map(([key, value]) => [key, typeof value === 'function' ? 'function' : value]))
    const their = shape(theirs.SessionOptions.parse({}))
    expect(their).toEqual({
      ...{ key: 'koa.sess', autoCommit: true, overwrite: true, httpOnly: true, signed: true, rolling: false, renew: false },
      ...{ encode: 'function', decode: 'function' },
    })
    expect(shape((ours as Loose).SessionOptions.parse({}))).toEqual(their)
  })

  it('SessionOptions.parse refuses what session() refuses', () => {
    expect(() => theirs.SessionOptions.parse({ maxAge: '1d' })).toThrow('Invalid input')
    expect(() => (ours as Loose).SessionOptions.parse({ maxAge: '1d' })).toThrow('Invalid input')
  })

  it('the default encode and decode are each other’s inverse, and the peer’s', () => {
    const their = theirs.SessionOptions.parse({})
    const our = (ours as Loose).SessionOptions.parse({})
    const data = { user: 'ann', text: 'žluťoučký 🐎' }
    expect(our.encode(data)).toBe(their.encode(data))
    expect(our.decode(their.encode(data))).toEqual(data)
    expect(their.decode(our.encode(data))).toEqual(data)
  })
})
