import { afterEach, describe, expect, it, vi } from 'vitest'
import { createSessions } from '../../src/native/create-sessions.ts'
import type { CreateSessionsOptions } from '../../src/native/options.ts'
import { MemoryStore } from '../../src/stores/memory.ts'
import { secret } from './support.ts'

const keys = [secret(1)]
const make = (options: Partial<CreateSessionsOptions>) =>
  createSessions<Record<string, unknown>>({ keys, store: new MemoryStore(), user: data => data.user as string, ...options })
const textOf = (options: Partial<CreateSessionsOptions>, id: string) =>
  make(options)
    .audit()
    .findings.find(finding => finding.id === id)?.text

afterEach(() => vi.unstubAllEnvs())

describe('policy', () => {
  it.each<[Partial<CreateSessionsOptions>, string, string]>([
    [{}, '30 min', '12 h'],
    [{ policy: 'aal1' }, '30 min', '30 d'],
    [{ policy: 'aal2' }, '1 h', '1 d'],
    [{ policy: 'aal3' }, '15 min', '12 h'],
    [{ policy: 'aal2', idleTimeout: '20m' }, '20 min', '1 d'],
    [{ policy: 'aal3', absoluteTimeout: '10m' }, '10 min', '10 min'],
    [{ policy: 'aal1', absoluteTimeout: '20d', idleTimeout: '7d' }, '7 d', '20 d'],
  ])('%j: %s without use, %s in any case', (options, idle, absolute) => {
    expect(textOf(options, '7.3.1')).toContain(`after ${idle} without use`)
    expect(textOf(options, '7.3.2')).toContain(`after ${absolute} in any case`)
  })

  it.each<[Partial<CreateSessionsOptions>, string]>([
    [{}, '; 30 d where login() was told to remember the user'],
    [{ rememberTimeout: '60d' }, '; 60 d where login() was told to remember the user'],
    [{ policy: 'aal2' }, ''],
    [{ policy: 'aal3' }, ''],
    [{ policy: 'aal2', rememberTimeout: '40m' }, ''],
  ])('%j: in any case …%s', (options, more) => {
    expect(textOf(options, '7.3.2')).toMatch(new RegExp(`in any case${more.replaceAll(/[()]/g, '\\$&')}$`))
  })

  it('says of a longer life for the remembered that AAL1 would not allow it', () => {
    const row = make({ rememberTimeout: '60d' })
      .audit()
      .findings.find(({ id }) => id === '2.1.3')
    expect(row?.status).toBe('app')
  })

  it.each<[string, Partial<CreateSessionsOptions>, RegExp]>([
    ['a policy that is none', { policy: 'aal4' as 'aal3' }, /policy must be 'aal1'/],
    ['a name of every object', { policy: 'toString' as 'aal3' }, /policy must be 'aal1'/],
    ['31 days at aal1', { policy: 'aal1', absoluteTimeout: '31d' }, /policy 'aal1'.*absoluteTimeout of 43200 minutes/],
    ['25 hours at aal2', { policy: 'aal2', absoluteTimeout: '25h' }, /policy 'aal2'.*absoluteTimeout of 1440 minutes/],
    ['61 minutes at aal2', { policy: 'aal2', idleTimeout: '61m' }, /policy 'aal2'.*idleTimeout of 60 minutes/],
    ['16 minutes at aal3', { policy: 'aal3', idleTimeout: '16m' }, /policy 'aal3'.*idleTimeout of 15 minutes/],
    ['13 hours at aal3', { policy: 'aal3', absoluteTimeout: '13h' }, /policy 'aal3'.*absoluteTimeout of 720 minutes/],
    [
      'a remembered login of 31 days at aal1',
      { policy: 'aal1', rememberTimeout: '31d' },
      /policy 'aal1'.*rememberTimeout of 43200 minutes/,
    ],
    ['a remembered login of a day at aal2', { policy: 'aal2', rememberTimeout: '1d' }, /policy 'aal2'.*rememberTimeout of 60 minutes/],
    ['a remembered login of a day at aal3', { policy: 'aal3', rememberTimeout: '1d' }, /policy 'aal3'.*rememberTimeout of 15 minutes/],
    ['aal2 in the cookie alone', { policy: 'aal2', store: undefined, user: undefined }, /policy 'aal2' needs a store, or revocations/],
    ['aal3 in the cookie alone', { policy: 'aal3', store: undefined, user: undefined }, /policy 'aal3' needs a store/],
    ['a cookie that scripts read', { policy: 'aal1', cookie: { httpOnly: false } }, /policy 'aal1' and cookie\.httpOnly: false/],
  ])('refuses %s', (_, options, words) => {
    expect(() => make(options)).toThrow(TypeError)
    expect(() => make(options)).toThrow(words)
  })
})

describe('options for development only', () => {
  it.each([undefined, '', 'production', 'test', 'Development', 'development '])(
    'H12: insecure and explain throw with NODE_ENV %j',
    value => {
      vi.stubEnv('NODE_ENV', value)
      expect(() => make({ insecure: true })).toThrow(/insecure: true needs NODE_ENV to be 'development'/)
      expect(() => make({ explain: true })).toThrow(/explain: true needs NODE_ENV to be 'development'/)
      expect(() => make({ insecure: false, explain: false })).not.toThrow()
    },
  )

  it('H12: they work in development, where the audit says so', () => {
    vi.stubEnv('NODE_ENV', 'development')
    expect(
      make({ insecure: true, explain: true })
        .audit()
        .of('unmet')
        .map(({ option }) => option),
    ).toContain('insecure')
  })

  it('H12: an answer that is neither yes nor no is refused', () => {
    vi.stubEnv('NODE_ENV', 'development')
    expect(() => make({ insecure: 'auto' as never })).toThrow(/insecure must be true or false/)
  })
})
