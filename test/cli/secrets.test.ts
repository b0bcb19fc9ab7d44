// H24: a URL with a password, a cookie and a key never are arguments, and no message repeats them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort, temporaryFolder } from '../servers/process.ts'
import { holdfast } from './support.ts'

const PASSWORD = 'hunter2-and-more'
const folder = temporaryFolder('cli')
afterAll(folder.remove)

const WITH_PASSWORD = [
  `redis://:${PASSWORD}@localhost`,
  `rediss://ann:${PASSWORD}@localhost/0`,
  `postgres://ann:${PASSWORD}@localhost/app`,
  `postgres://localhost/app?user=ann&password=${PASSWORD}`,
  `mysql://ann:${PASSWORD}@localhost/app`,
  `mongodb://ann:${PASSWORD}@one:27017,two:27018/app`,
  `mongodb+srv://ann:${PASSWORD}@cluster/app`,
  `redis://:a/${PASSWORD}@localhost`,
  `redis://:a@${PASSWORD}@localhost`,
  `redis://:a#${PASSWORD}@localhost`,
]

describe('H24: a store', () => {
  it.each(['list', 'stats', 'purge', 'revoke'])(
    '%s refuses a URL with a password as an argument: status 2, and it is not repeated',
    async command => {
      for (const url of WITH_PASSWORD) {
        const user = command === 'revoke' ? ['--user', 'ann'] : []
        for (const args of [['--store', url], [`--store=${url}`]]) {
          const { status, out, err } = await holdfast([command, ...args, ...user])
          expect([status, out], url).toEqual([2, ''])
          expect(err).toContain('--store-env NAME')
          expect(err).not.toContain(PASSWORD)
        }
      }
    },
  )

  it.each(WITH_PASSWORD)('migrate refuses it in --from and in --to (%#)', async url => {
    for (const args of [
      ['--from', url, '--to', 'sqlite:new.db'],
      ['--from', 'redis://localhost', '--to', url],
    ]) {
      const { status, out, err } = await holdfast(['migrate', ...args])
      expect([status, out]).toEqual([2, ''])
      expect(err).toMatch(/--(from|to)-env NAME, --(from|to)-file PATH/)
      expect(err).not.toContain(PASSWORD)
    }
  })

  it.each([
    [['list', `redis://:${PASSWORD}@localhost`]],
    [['list', `--sotre=redis://:${PASSWORD}@localhost`]],
    [['list', `--sotre`, `redis://:${PASSWORD}@localhost`]],
    [[`redis://:${PASSWORD}@localhost`.padStart(99, 'x')]],
    [[`redis://:${PASSWORD}@localhost`]],
    [[`--store=redis://:${PASSWORD}@localhost`, 'list']],
    [[`--store=:\n${PASSWORD}`, 'list']],
    [[`-s=${PASSWORD}`]],
    [['list', '--store-env', `redis://:${PASSWORD}@localhost`]],
    [['stats', '--store', `:${PASSWORD}@localhost`]],
    [['inspect', PASSWORD]],
    [['keygen', PASSWORD]],
    [['migrate', '--from', 'redis://localhost', '--to', `file//${PASSWORD}`]],
  ])('in the wrong place it is not repeated either (%#)', async args => {
    const { status, out, err } = await holdfast(args)
    expect([status, out]).toEqual([2, ''])
    expect(err).not.toContain(PASSWORD)
  })

  it.each([
    [['lst'], 'there is no command or option "lst"\n'],
    [['--store=redis://localhost', 'list'], 'there is no command or option "--store"\n'],
    [['redis://localhost'], 'there is no command or option of that name\n'],
  ])('of a first argument only a name is repeated: %j', async (args, said) => {
    expect((await holdfast(args)).err).toContain(said)
  })

  it('comes from the environment, a file or standard input, and what its client says does not show it', async () => {
    const url = `redis://ann:${PASSWORD}@127.0.0.1:${await freePort()}`
    const file = join(folder.path, 'store-url')
    writeFileSync(file, `${url}\n`)
    for (const [args, io] of [
      [['--store-env', 'STORE'], { env: { STORE: url } }],
      [['--store-file', file], {}],
      [['--store', '-'], { input: url }],
    ] as const) {
      const { status, out, err } = await holdfast(['stats', ...args], io)
      expect([status, out]).toEqual([1, ''])
      expect(err).toContain('ECONNREFUSED')
      expect(err).not.toContain(PASSWORD)
    }
  })

  it.each([
    [['stats'], 'which store?'],
    [['stats', '--store', 'redis://localhost', '--store-env', 'X'], 'which store?'],
    [['stats', '--store-env', 'NOT_SET'], 'NOT_SET is not set'],
    [['stats', '--store-file', '/nowhere'], 'cannot be read (ENOENT)'],
    [['stats', '--store', 'localhost:6379'], 'redis://'],
    [['stats', '--store', 'redis://'], 'names no server'],
    [['stats', '--store', 'sqlite:'], 'names no path'],
    [['stats', '--store', 'redis://localhost#table=x'], '#prefix=…'],
    [['revoke', '--store', 'sqlite:x.db'], '--user or --all'],
    [['revoke', '--store', 'sqlite:x.db', '--user', 'a', '--all'], '--user or --all'],
    [['revoke', '--store', 'sqlite:x.db', '--all', '--handle', 'h'], '--handle'],
    [['migrate', '--from', '-', '--to', '-'], 'standard input'],
    [['migrate', '--from', 'sqlite:x.db', '--to', 'sqlite:x.db'], 'the same store'],
    [['migrate', '--from', 'sqlite:x.db', '--to', 'sqlite:y.db', '--final'], '--final'],
    [['migrate', '--from', 'redis://x', '--to', 'sqlite:y.db', '--layout', 'koa-session', '--online'], '--online'],
    [['migrate', '--from', 'redis://x', '--to', 'sqlite:y.db', '--layout', 'rails'], '--layout'],
  ])('%j is wrong use: status 2, and why', async (args, why) => {
    const { status, out, err } = await holdfast(args)
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain(why)
  })
})

describe('a store that cannot be had', () => {
  it('says which package to install', async () => {
    for (const [url, install] of [
      ['redis://localhost', 'npm install ioredis (or redis)'],
      ['postgres://localhost/app', 'npm install pg'],
      ['mysql://localhost/app', 'npm install mysql2'],
      ['mongodb://localhost/app', 'npm install mongodb'],
    ] as const) {
      const { status, err } = await holdfast(['stats', '--store', url], { cwd: '/' })
      expect([status, err]).toEqual([1, expect.stringContaining(install)])
    }
  })

  it('is not made where only an existing one can be meant', async () => {
    for (const url of [`sqlite:${folder.path}/none.db`, `file:${folder.path}/none`]) {
      expect((await holdfast(['stats', '--store', url])).err).toContain('there is no')
    }
  })
})
