import { describe, expect, it } from 'vitest'
import { type CookieAttributes, cookieProblems } from '../../../src/cookie/attributes.ts'
import { DAY } from '../support.ts'

const options = (part: Partial<CookieAttributes>): string[] => cookieProblems({ name: 'sid', ...part }).map(({ option }) => option)

describe('cookieProblems', () => {
  it.each<[Partial<CookieAttributes>, string[]]>([
    [{}, []],
    [{ secure: false }, []],
    [{ sameSite: 'none', secure: false }, ['sameSite']],
    [{ sameSite: 'None', secure: false }, ['sameSite']],
    [{ sameSite: 'none', secure: true }, []],
    [{ sameSite: 'none' }, []],
    [{ sameSite: 'lax', secure: false }, []],
    [{ sameSite: true, secure: false }, []],
    [{ partitioned: true, secure: false }, ['partitioned']],
    [{ partitioned: true, secure: true }, []],
    [{ partitioned: false, secure: false }, []],
    [{ name: '__Host-sid' }, []],
    [{ name: '__Host-sid', secure: true, path: '/' }, []],
    [{ name: '__Host-sid', secure: false }, ['name']],
    [{ name: '__Host-sid', path: '/app' }, ['name']],
    [{ name: '__Host-sid', path: '' }, ['name']],
    [{ name: '__Host-sid', domain: 'example.org' }, ['name']],
    [{ name: '__hOST-sid', domain: 'example.org' }, ['name']],
    [{ name: '__Secure-sid', domain: 'example.org', path: '/app' }, []],
    [{ name: '__Secure-sid', secure: false }, ['name']],
    [{ name: '__secure-sid', secure: false }, ['name']],
    [{ name: 'my__Host-sid', secure: false }, []],
    [{ maxAge: 0 }, []],
    [{ maxAge: 400 * DAY }, []],
    [{ maxAge: 400 * DAY + 1 }, ['maxAge']],
    [{ maxAge: Number.POSITIVE_INFINITY }, ['maxAge']],
    [{ maxAge: -1 }, ['maxAge']],
    [{ maxAge: Number.NaN }, ['maxAge']],
    [{ name: '__Host-a', secure: false, sameSite: 'none', partitioned: true, maxAge: -1 }, ['sameSite', 'partitioned', 'name', 'maxAge']],
  ])('%j', (part, problems) => {
    expect(options(part)).toEqual(problems)
  })

  it('each says what to do', () => {
    const all = cookieProblems({ name: '__Secure-a', secure: false, sameSite: 'none', partitioned: true, maxAge: 401 * DAY })
    expect(all.map(({ message }) => message).filter(message => !/: (set|use) /.test(message))).toEqual([])
    expect(all.length).toBe(4)
  })
})
