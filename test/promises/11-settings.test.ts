import { createSessions } from 'holdfast'
import expressSession from 'holdfast/express'
import session from 'holdfast/koa'
import { describe, expect, it } from 'vitest'
import { createApp, koaMajors, type Loose } from '../support/subjects.ts'
import { expressDrivers } from './drivers.ts'
import { koaDriver } from './koa.ts'
import { dropInMap, keys, nativeMemory, newStore, settled, Visitor, warnings, write } from './support.ts'

const DAY = 86_400_000

/** Options of `createSessions`, and the words that its refusal must contain. */
const refused: Record<string, [Loose, RegExp]> = {
  'a cookie that is not Secure': [{ cookie: { secure: false } }, /cookie\.secure.*insecure: true/],
  'a cookie as Secure as the request': [{ cookie: { secure: 'auto' } }, /cookie\.secure.*insecure: true/],
  'a cookie for plain http, outside of development': [{ insecure: true }, /insecure: true needs NODE_ENV to be 'development'/],
  '__Host- with a path': [{ cookie: { name: '__Host-a', path: '/app' } }, /cookie\.name.*path/],
  '__Host- with a domain': [{ cookie: { name: '__Host-a', domain: 'a.test' } }, /cookie\.name.*domain/],
  '__HOST- in another case': [{ cookie: { name: '__HOST-a', path: '/app' } }, /cookie\.name/],
  'an idle timeout that is NaN': [{ idleTimeout: Number.NaN }, /idleTimeout/],
  'a negative idle timeout': [{ idleTimeout: -1 }, /idleTimeout/],
  'an endless absolute timeout': [{ absoluteTimeout: Number.POSITIVE_INFINITY }, /absoluteTimeout/],
  'an absolute timeout of 401 days': [{ absoluteTimeout: '401d' }, /absoluteTimeout.*400/],
  'an idle timeout of 401 days': [{ idleTimeout: '401d', absoluteTimeout: '401d' }, /Timeout.*400/],
  'an absolute timeout below the idle one': [{ idleTimeout: '2h', absoluteTimeout: '1h' }, /absoluteTimeout.*idleTimeout/],
  'a touch interval of no known unit': [{ touchInterval: '5 years' }, /touchInterval/],
  'no keys': [{ keys: [] }, /keys/],
  'a key that is not there': [{ keys: [undefined] }, /keys/],
  'a short key': [{ keys: ['short'] }, /keys.*32 octets/],
  'keys as one text': [{ keys: keys[0] }, /keys/],
  'a store without the contract': [{ store: new Map() }, /store/],
  'cookie and transport together': [{ cookie: {}, transport: {} }, /cookie and transport/],
  'a cookie name that is none': [{ cookie: { name: 'a b' } }, /name/],
  'an unknown SameSite': [{ cookie: { sameSite: 'laxer' } }, /cookie\.sameSite/],
  'SameSite in another spelling': [{ cookie: { sameSite: 'None' } }, /cookie\.sameSite must be 'lax'/],
  'SameSite that is off': [{ cookie: { sameSite: false } }, /cookie\.sameSite/],
  'an unknown priority': [{ cookie: { priority: 'High' } }, /cookie\.priority/],
  'HttpOnly as a number': [{ cookie: { httpOnly: 0 } }, /cookie\.httpOnly must be true or false/],
  'HttpOnly as a text': [{ cookie: { httpOnly: 'false' } }, /cookie\.httpOnly/],
  'Partitioned as a number': [{ cookie: { partitioned: 1 } }, /cookie\.partitioned/],
  'chunks as a text': [{ cookie: { chunks: 'yes' } }, /cookie\.chunks/],
  'padding beside a store': [{ store: newStore(nativeMemory).store, padTo: 64 }, /padTo.*store/],
  'a scope with a NUL': [{ scope: 'a\0user' }, /scope/],
  'a scope of several lines': [{ scope: 'a\nb' }, /scope/],
  'an end that is still to come': [{ rejectIssuedBefore: Date.now() + DAY }, /rejectIssuedBefore.*to come/],
  'no rotation, said by null': [{ store: newStore(nativeMemory).store, rotate: null }, /rotate must be a duration/],
  'a rotation with a misspelt grace': [{ store: newStore(nativeMemory).store, rotate: { every: '5m', graze: '1s' } }, /rotate.*"graze"/],
}

describe('promise 11: createSessions refuses at construction', () => {
  it.each(Object.keys(refused))('promise 11: %s', what => {
    const [options, words] = refused[what] as [Loose, RegExp]
    expect(() => createSessions({ keys, ...options })).toThrow(TypeError)
    expect(() => createSessions({ keys, ...options })).toThrow(words)
  })
})

/** What the peer accepts and no browser would store; and the option that the report must name. */
const reported: Record<string, [Loose, RegExp]> = {
  'SameSite=None without Secure': [{ sameSite: 'none', secure: false }, /sameSite.*secure: true/],
  'Partitioned without Secure': [{ partitioned: true, secure: false }, /partitioned.*secure: true/],
  '__Host- with a path': [{ key: '__Host-a', path: '/app' }, /key.*path/],
  '__Secure- without Secure': [{ key: '__Secure-a', secure: false }, /key.*Secure/],
  'a negative age': [{ maxAge: -1 }, /maxAge/],
  'ten years': [{ maxAge: 3650 * DAY }, /maxAge.*400 days/],
}

for (const koa of koaMajors) {
  describe(`promise 11: the drop-in on Koa ${koa}`, () => {
    it.each(Object.keys(reported))('promise 11: %s is accepted and reported once', async what => {
      const [options, words] = reported[what] as [Loose, RegExp]
      const seen = warnings()
      const site = await koaDriver(koa).open({ mode: dropInMap, options, routes: { '*': write({ name: 'ann' }) } })
      for (let i = 0; i < 3; i++) expect((await new Visitor(site.port).get('/')).status).toBe(200)
      await settled()
      const cookies = seen.filter(warning => warning.code.startsWith('HOLDFAST_COOKIE') && warning.code !== 'HOLDFAST_COOKIE_MODE')
      expect(cookies.map(warning => warning.message)).toEqual([expect.stringMatching(words)])
    })

    it.each(Object.keys(reported))('promise 11: strict refuses %s', what => {
      const [options, words] = reported[what] as [Loose, RegExp]
      expect(() => session({ ...options, strict: true }, createApp(koa))).toThrow(words)
      expect(() => session({ ...options, strict: true }, createApp(koa))).toThrow(TypeError)
    })

    it('promise 11: what the peer refuses is refused', () => {
      for (const maxAge of [Number.NaN, 'forever', '1000']) {
        expect(() => session({ maxAge } as Loose, createApp(koa))).toThrow(/Invalid input.*maxAge/)
      }
    })

    it('promise 11: good settings are not talked about', async () => {
      const seen = warnings()
      session({ key: '__Host-a', secure: true, sameSite: 'none', partitioned: true, maxAge: 400 * DAY, strict: true }, createApp(koa))
      await settled()
      expect(seen.filter(warning => warning.code !== 'HOLDFAST_COOKIE_MODE')).toEqual([])
    })
  })
}

/** The same on Express, where the attributes stand in `cookie`. */
const reportedOnExpress: Record<string, [Loose, RegExp]> = {
  'SameSite=None without Secure': [{ cookie: { sameSite: 'none' } }, /cookie\.sameSite.*secure: true/],
  'Partitioned without Secure': [{ cookie: { partitioned: true } }, /cookie\.partitioned.*secure: true/],
  '__Host- with a path': [{ name: '__Host-a', cookie: { path: '/app' } }, /name.*path/],
  '__Secure- without Secure': [{ name: '__Secure-a', cookie: { secure: false } }, /name.*Secure/],
  'a negative age': [{ cookie: { maxAge: -1 } }, /cookie\.maxAge/],
  'ten years': [{ cookie: { maxAge: 3650 * DAY } }, /cookie\.maxAge.*400 days/],
}
const common = { secret: 'keyboard cat', resave: false, saveUninitialized: false }

for (const driver of expressDrivers) {
  describe(`promise 11: the drop-in on ${driver.name}`, () => {
    it.each(Object.keys(reportedOnExpress))('promise 11: %s is accepted and reported once', async what => {
      const [options, words] = reportedOnExpress[what] as [Loose, RegExp]
      const seen = warnings()
      const site = await driver.open({ mode: dropInMap, options, routes: { '*': write({ name: 'ann' }) } })
      for (let i = 0; i < 3; i++) expect((await new Visitor(site.port).get('/app')).status).toBe(200)
      await settled()
      const cookies = seen.filter(({ code }) => code === 'HOLDFAST_COOKIE')
      expect(cookies.map(warning => warning.message)).toEqual([expect.stringMatching(words)])
    })

    it.each(Object.keys(reportedOnExpress))('promise 11: strict refuses %s', what => {
      const [options, words] = reportedOnExpress[what] as [Loose, RegExp]
      expect(() => expressSession({ ...common, ...options, strict: true })).toThrow(words)
      expect(() => expressSession({ ...common, ...options, strict: true })).toThrow(TypeError)
    })

    it('promise 11: good settings are not talked about', async () => {
      const seen = warnings()
      const cookie = { secure: true, sameSite: 'none', partitioned: true, maxAge: 400 * DAY } as const
      expressSession({ ...common, name: '__Host-a', cookie, strict: true, store: newStore(nativeMemory).store })
      await settled()
      expect(seen).toEqual([])
    })
  })
}
