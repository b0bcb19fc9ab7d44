// The pages and the sources name the same things, both ways.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as holdfast from 'holdfast'
import { Cookie } from 'holdfast/express'
import { SessionOptions } from 'holdfast/koa'
import { describe, expect, it } from 'vitest'
import { DEFAULT_STORE_TIMEOUT_MS } from '../../src/backends/ask.ts'
import { blocksOf, codeIn, codesIn, pages, proseOf, root, tableBelow, textOf } from './pages.ts'
import { defaultsIn, errorClasses, eventReasons, membersOf, warningCodes } from './sources.ts'

const first = (page: string, heading: string, column: string) => tableBelow(page, heading).map(row => codeIn(row[column]))
const nameIn = (cell: string) => cell.replace(/\(.*/, '')

/** A table of options, and the interface that it is about. */
const optionTables: [page: string, heading: string, file: string, type: string][] = [
  ['docs/koa.md', 'Options', 'src/koa/types.ts', 'SessionOptions'],
  ['docs/express.md', 'Options', 'src/express/types.ts', 'SessionOptions'],
  ['docs/express.md', 'Options of the cookie', 'src/express/cookie.ts', 'CookieOptions'],
  ['docs/express.md', 'Native mode', 'src/express/middleware.ts', 'NativeOptions'],
  ['docs/sessions.md', 'Options of `createSessions`', 'src/native/options.ts', 'CreateSessionsOptions'],
  ['docs/sessions.md', 'Options of the cookie', 'src/cookie/transport.ts', 'CookieOptions'],
  ['docs/pages.md', 'Options of `account`', 'src/pages/account.ts', 'AccountOptions'],
  ['docs/pages.md', 'Options of `admin`', 'src/pages/admin.ts', 'AdminOptions'],
  ['docs/stores.md', '`MemoryStore`', 'src/stores/memory.ts', 'MemoryStoreOptions'],
  ['docs/stores.md', '`FileStore`', 'src/stores/file.ts', 'FileStoreOptions'],
  ['docs/stores.md', '`SqliteStore`', 'src/stores/sqlite.ts', 'SqliteStoreOptions'],
  ['docs/stores.md', '`RedisStore`', 'src/stores/redis.ts', 'RedisStoreOptions'],
  ['docs/stores.md', '`PostgresStore`', 'src/stores/postgres.ts', 'PostgresStoreOptions'],
  ['docs/stores.md', '`MysqlStore`', 'src/stores/mysql.ts', 'MysqlStoreOptions'],
  ['docs/stores.md', '`MongoStore`', 'src/stores/mongodb.ts', 'MongoStoreOptions'],
  ['docs/stores.md', 'Moving to another store', 'src/stores/migrating.ts', 'MigratingStoreOptions'],
]

/** Options of the cookie that only stores give, or that have no effect. */
const NOT_FOR_APPS = ['originalMaxAge', 'signed', 'encode']

describe.each(optionTables)('%s, %s', (page, heading, file, type) => {
  it(`has the options of ${type}, and no other`, () => {
    expect(first(page, heading, 'option').sort()).toEqual(
      membersOf(file, type)
        .filter(name => file !== 'src/express/cookie.ts' || !NOT_FOR_APPS.includes(name))
        .sort(),
    )
  })

  it('gives each a default, a unit and a sentence', () => {
    for (const row of tableBelow(page, heading)) {
      expect(row.default, row.option).not.toBe('')
      expect(row.unit, row.option).not.toBe('')
      expect(row['what it does'], row.option).toMatch(/^.{10,}\.$/)
    }
  })

  it('gives each an example that runs', () => {
    const code = blocksOf(page)
      .filter(({ language }) => language === 'js')
      .map(block => block.code)
      .join('\n')
    const without = first(page, heading, 'option').filter(option => !new RegExp(`[{,(\\s]${option}(?::|,| }|\\()`).test(code))
    expect(without).toEqual([])
  })
})

it('docs/koa.md gives the defaults that the drop-in has', () => {
  const { encode: _, decode: __, ...defaults } = SessionOptions.parse({})
  const said = Object.fromEntries(tableBelow('docs/koa.md', 'Options').map(row => [codeIn(row.option), codeIn(row.default)]))
  for (const [option, value] of Object.entries(defaults))
    expect(said[option], option).toBe(typeof value === 'string' ? `'${value}'` : String(value))
})

it('docs/express.md gives the defaults that the drop-in has', () => {
  const said = (heading: string) =>
    Object.fromEntries(tableBelow('docs/express.md', heading).map(row => [codeIn(row.option), codeIn(row.default)]))
  const { name, property, storeTimeout } = said('Options')
  const plan = textOf('src/express/drop-in.ts')
  expect(name).toBe(/name \|\| key \|\| ('[^']*')/.exec(plan)?.[1])
  expect(property).toBe(/property = ('[^']*')/.exec(plan)?.[1])
  expect(storeTimeout).toBe("'5s'")
  for (const [option, value] of Object.entries(new Cookie().data)) {
    if (value === undefined || NOT_FOR_APPS.includes(option)) continue
    expect(said('Options of the cookie')[option], option).toBe(typeof value === 'string' ? `'${value}'` : String(value))
  }
})

it.each([
  ['docs/sessions.md', 'Options of `createSessions`', 'src/native/assurance.ts', ['idleTimeout', 'absoluteTimeout']],
  ['docs/sessions.md', 'Options of `createSessions`', 'src/create.ts', ['conflict', 'onGone', 'onStoreError']],
  ['docs/koa.md', 'Options', 'src/create.ts', ['conflict', 'onGone', 'onStoreError']],
  ['docs/express.md', 'Options', 'src/create.ts', ['conflict', 'onGone', 'onStoreError']],
  ['docs/sessions.md', 'Options of the cookie', 'src/cookie/transport.ts', ['path', 'httpOnly', 'sameSite', 'partitioned']],
  ['docs/pages.md', 'Options of `account`', 'src/pages/account.ts', ['path', 'property', 'within']],
  ['docs/pages.md', 'Options of `admin`', 'src/pages/admin.ts', ['path', 'property', 'within', 'sample']],
  ['docs/stores.md', '`MemoryStore`', 'src/stores/memory.ts', ['maxSessions']],
] as const)('%s, %s, gives the defaults of %s', (page, heading, file, options) => {
  const rows = tableBelow(page, heading)
  const said = options.map(option => [option, codeIn(rows.find(row => codeIn(row.option) === option)?.default)])
  expect(said).toEqual(options.map(option => [option, defaultsIn(file).get(option)]))
})

it('the guarded keys and the time for a store are those of the sources', () => {
  const cell = (option: string) =>
    tableBelow('docs/sessions.md', 'Options of `createSessions`').find(row => codeIn(row.option) === option)?.default
  const guard = /GUARD = \[(.*)\]/.exec(textOf('src/create.ts'))?.[1] ?? ''
  expect(codesIn(cell('guard'))).toEqual([...guard.matchAll(/'(\w+)'/g)].map(match => match[1]))
  expect(DEFAULT_STORE_TIMEOUT_MS).toBe(5000)
  expect([
    codeIn(cell('storeTimeout')),
    codeIn(tableBelow('docs/koa.md', 'Options').find(row => codeIn(row.option) === 'storeTimeout')?.default),
  ]).toEqual(["'5s'", "'5s'"])
})

it('a unit is said wherever the type counts in ms', () => {
  const inMs = (page: string, heading: string) =>
    tableBelow(page, heading)
      .filter(row => /ms|duration/.test(row.unit ?? ''))
      .map(row => codeIn(row.option))
  expect(inMs('docs/koa.md', 'Options')).toEqual([
    'maxAge',
    'storeTimeout',
    'idleTimeout',
    'absoluteTimeout',
    'touchInterval',
    'rememberTimeout',
  ])
  expect(inMs('docs/express.md', 'Options')).toEqual(['storeTimeout', 'touchInterval', 'idleTimeout', 'absoluteTimeout', 'rememberTimeout'])
  expect(inMs('docs/express.md', 'Options of the cookie')).toEqual(['maxAge'])
  expect(inMs('docs/sessions.md', 'Options of `createSessions`')).toEqual([
    'rejectIssuedBefore',
    'idleTimeout',
    'absoluteTimeout',
    'rememberTimeout',
    'touchInterval',
    'rotate',
    'storeTimeout',
    'anonymousTimeout',
    'now',
  ])
})

it.each(['Against koa-session 7', 'Against express-session 1.19'])('README.md, %s, names tests that exist in each row', heading => {
  const rows = tableBelow('README.md', heading)
  expect(rows.length).toBeGreaterThan(15)
  const isThere = (path: string) =>
    path.endsWith('*')
      ? readdirSync(join(root, dirname(path))).some(file => join(dirname(path), file).startsWith(path.slice(0, -1)))
      : existsSync(join(root, path))
  for (const row of rows) {
    const paths = codesIn(row['shown in'])
    expect(paths, Object.values(row)[0]).not.toEqual([])
    expect(paths.filter(path => !isThere(path))).toEqual([])
  }
})

/** A table of members, and what declares them. */
const memberTables: [page: string, heading: string, column: string, declared: string[]][] = [
  ['docs/koa.md', '`ctx.session`', 'member', membersOf('src/koa/types.ts', 'KoaSessionMembers')],
  ['docs/express.md', '`req.session`', 'member', [...membersOf('src/express/types.ts', 'ExpressSessionMembers'), 'update']],
  ['docs/express.md', 'Stores that were written for express-session', 'method', membersOf('src/express/types.ts', 'ExpressStore')],
  ['docs/sessions.md', 'The session', 'method', membersOf('src/core/native-session.ts', 'NativeSession')],
  ['docs/sessions.md', 'Login', 'option of `login`', membersOf('src/core/login.ts', 'LoginOptions')],
  ['docs/sessions.md', 'Requests from other sites', 'option', [...membersOf('src/native/csrf.ts', 'CsrfOptions'), 'property']],
  ['docs/sessions.md', 'Keys', 'member', membersOf('src/crypto/provided-keys.ts', 'KeyProvider')],
  [
    'docs/sessions.md',
    'The manager',
    'member',
    [
      ...['manager', 'load', 'watch', 'list', 'count', 'revoke', 'revokeAll', 'revokeEveryone', 'revokeByIdp', 'beginLogin'],
      ...['csrfToken', 'audit', 'on', 'off', 'close'],
    ],
  ],
  ['docs/sessions.md', 'Without a cookie', 'member', membersOf('src/core/transport.ts', 'TokenTransport')],
  ['docs/stores.md', 'The contract of a Holdfast store', 'method', membersOf('src/core/store.ts', 'SessionStore')],
  ['docs/stores.md', 'The index', 'method', membersOf('src/core/store.ts', 'IndexedSessionStore')],
  ['docs/stores.md', 'Testing a store of your own', 'option', membersOf('src/testing/bench.ts', 'SessionStoreKitOptions')],
  ['docs/stores.md', "koa-session's stores", 'method', membersOf('src/koa/types.ts', 'KoaSessionStore')],
  ['docs/fetch.md', 'Options', 'option', membersOf('src/fetch/types.ts', 'FetchOptions')],
  ['docs/fastify.md', 'Options', 'option', membersOf('src/fastify/plugin.ts', 'FastifySessionOptions')],
  ['docs/events.md', 'What a listener gets', 'member', [...membersOf('src/core/events.ts', 'SessionEvent'), 'ctx']],
]

it.each(memberTables)('%s, %s, names all members', (page, heading, column, declared) => {
  expect(first(page, heading, column).map(nameIn).sort()).toEqual([...declared].sort())
})

/** Options of one call, which stand in its text and not in a table. */
it.each([
  ['docs/people.md', 'src/native/devices.ts', 'DeviceOptions'],
  ['docs/people.md', 'src/native/people.ts', 'ListOptions'],
  ['docs/people.md', 'src/native/people.ts', 'PageOptions'],
  ['docs/people.md', 'src/native/people.ts', 'RevokeAllOptions'],
  ['docs/sessions.md', 'src/core/controls.ts', 'LogoutOptions'],
  ['docs/sessions.md', 'src/core/login.ts', 'ReauthenticatedOptions'],
  ['docs/sessions.md', 'src/core/login.ts', 'RegenerateOptions'],
  ['docs/push.md', 'src/core/controls.ts', 'SignalOptions'],
  ['docs/sessions.md', 'src/native/sessions.ts', 'WatchOptions'],
  ['docs/sessions.md', 'src/backends/readers.ts', 'ReaderOptions'],
] as const)('%s says what each option is that %s has in %s', (page, file, type) => {
  const said =
    textOf(page)
      .match(/`[^`\n]+`/g)
      ?.join(' ') ?? ''
  const declared = membersOf(file, type)
  expect(declared).not.toEqual([])
  expect(declared.filter(option => !new RegExp(`\\b${option}\\b`).test(said))).toEqual([])
})

it('the options beside a manager are those of NativeOptions', () => {
  const rows = textOf('docs/sessions.md').split('two options may stand beside a manager')[1] ?? ''
  const named = [...rows.matchAll(/^\| `(\w+)` *\|/gm)].map(match => match[1] as string).slice(0, 2)
  expect(named).toEqual(membersOf('src/koa/middleware.ts', 'NativeOptions'))
})

it('the members of a record are those of SessionRecord and Life', () => {
  const text = textOf('docs/stores.md').split('A record has these members')[1]?.split('A store may be')[0] ?? ''
  const declared = [...membersOf('src/core/record.ts', 'SessionRecord'), ...membersOf('src/core/record.ts', 'Life')]
  expect([...text.matchAll(/^\| `(\w+)` *\|/gm)].map(match => match[1]).sort()).toEqual(declared.sort())
})

it('docs/sessions.md names every function of holdfast', () => {
  const functions = Object.entries(holdfast).filter(([, value]) => typeof value === 'function' && !/^class /.test(String(value)))
  const named = [...first('docs/sessions.md', 'Functions', 'function').map(nameIn), 'createSessions', 'headerTransport']
  expect(named.sort()).toEqual(functions.map(([name]) => name).sort())
})

describe('docs/errors.md', () => {
  const rows = tableBelow('docs/errors.md', 'Classes and codes')

  it('has every class with its code and status, and no other', () => {
    const said = rows.map(row => ({ name: codeIn(row.class), code: codeIn(row.code) || '–', status: row.status?.replace("'", '’') }))
    expect(said).toEqual(errorClasses())
  })

  it('says when each comes, and what to do', () => {
    for (const row of rows) for (const column of ['when', 'what to do']) expect(row[column], row.class).toMatch(/^.{10,}\.$/)
  })

  it('names only classes that are exported', () => {
    for (const row of rows) expect(holdfast, row.class).toHaveProperty(codeIn(row.class))
  })

  it('has the code of every warning, and no other', () => {
    expect(first('docs/errors.md', 'Warnings', 'code').sort()).toEqual(warningCodes())
  })

  it('is read for every code that any page names', () => {
    const known = new Set([...errorClasses().map(({ code }) => code), ...warningCodes()])
    const named = pages.flatMap(page => [...textOf(page).matchAll(/\bHOLDFAST_[A-Z_]+\b/g)].map(match => match[0]))
    expect(named.filter(code => !known.has(code))).toEqual([])
  })

  it('is read for every error class that any page names', () => {
    const named = pages.flatMap(page => [...textOf(page).matchAll(/\bSession\w*Error\b/g)].map(match => match[0]))
    expect([...new Set(named)].filter(name => !(name in holdfast))).toEqual([])
  })
})

describe('docs/events.md', () => {
  it('has every event with its reasons, and no other', () => {
    const said = tableBelow('docs/events.md', 'Names and reasons').map(row => [codeIn(row.event), codesIn(row.reasons).sort()])
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries([...eventReasons()].map(([name, reasons]) => [name, [...reasons].sort()])))
  })

  it('is read for every event that any page names', () => {
    const named = pages.flatMap(page =>
      [...textOf(page).matchAll(/'?`?((?:session|store|commit|clock|keys):\w+)/g)].map(match => match[1] as string),
    )
    expect([...new Set(named)].filter(name => !eventReasons().has(name))).toEqual([])
  })
})

describe('subpaths', () => {
  const { exports } = JSON.parse(textOf('package.json')) as { exports: Record<string, unknown> }
  const subpaths = Object.keys(exports).map(path => path.replace(/^\./, 'holdfast'))

  it('are all in the pages', () => {
    expect(first('docs/sessions.md', 'Subpaths', 'subpath').sort()).toEqual(subpaths.sort())
  })

  it('that the pages name exist', () => {
    const named = pages.flatMap(page => [...textOf(page).matchAll(/['`](holdfast(?:\/[\w./-]+)?)['`]/g)].map(match => match[1] as string))
    // What keys are derived by, in docs/format.md, only looks like one.
    const others = named.filter(name => !name.startsWith('holdfast/v1/'))
    expect([...new Set(others)].filter(name => !subpaths.includes(name))).toEqual([])
  })
})

describe('links', () => {
  const anchors = (page: string) =>
    [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(match =>
      (match[1] as string)
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    )

  it.each(pages)('of %s lead somewhere', page => {
    const broken = [...proseOf(page).matchAll(/\]\(([^)#\s]*)(#[^)]*)?\)/g)].filter(([, path = '', anchor]) => {
      if (/^https?:/.test(path)) return false
      const target = path === '' ? page : join(dirname(page), path)
      return !existsSync(`${root}${target}`) || (anchor !== undefined && !anchors(target).includes(anchor.slice(1)))
    })
    expect(broken.map(([link]) => link)).toEqual([])
  })

  it('from the README reach every page', () => {
    const readme = textOf('README.md')
    expect(pages.slice(1).filter(page => !readme.includes(`(${page})`))).toEqual([])
  })

  it('name folders of test/ that exist', () => {
    const named = pages.flatMap(page => [...textOf(page).matchAll(/\btest\/[\w-]+(?:\/[\w.-]*\w)?\*?/g)].map(match => match[0]))
    const missing = [...new Set(named)].filter(name => {
      const path = name.replace(/\*$/, '')
      if (!name.endsWith('*')) return !existsSync(`${root}${path}`)
      return (
        !existsSync(`${root}${dirname(path)}`) ||
        !readdirSync(`${root}${dirname(path)}`).some(file => `${dirname(path)}/${file}`.startsWith(path))
      )
    })
    expect(missing).toEqual([])
  })
})
