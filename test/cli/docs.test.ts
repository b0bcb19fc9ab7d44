// docs/cli.md: each command line in it does what it says, and each option is in it, both ways.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { FileStore } from 'holdfast/stores/file'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf, textOf } from '../docs/pages.ts'
import { temporaryFolder } from '../servers/process.ts'
import { holdfast, root } from './support.ts'

const PAGE = 'docs/cli.md'
const COMMANDS = ['keygen', 'inspect', 'audit', 'list', 'revoke', 'stats', 'purge', 'migrate']
const KEY = 'a secret of at least thirty-two octets'

const site = temporaryFolder('cli-docs')
afterAll(site.remove)

/** A site's folder, with all that the page speaks of. */
beforeAll(async () => {
  symlinkSync(`${root}node_modules`, `${site.path}/node_modules`)
  mkdirSync(`${site.path}/redis`)
  writeFileSync(`${site.path}/redis/one.json`, JSON.stringify({ cookie: { originalMaxAge: 60_000 }, __lastAccess: Date.now() }))
  writeFileSync(`${site.path}/cookie.txt`, `sid=s:abcdef.${'A'.repeat(43)}\n`)
  writeFileSync(`${site.path}/keys.txt`, `${KEY}\n`)
  const code = `import { createSessions } from '${root}dist/index.js'\nexport const sessions = createSessions({ keys: ['${KEY}'] })`
  writeFileSync(`${site.path}/sessions.mjs`, code)
  const old = new FileStore({ directory: `${site.path}/old`, cleanupInterval: false })
  const times = { createdAt: Date.now(), touchedAt: Date.now(), idleMs: 60_000, expiresAt: Date.now() + 60_000 }
  for (const n of [1, 2, 3]) await old.create({ key: `one-${n}`, partition: '', data: '{}', version: 'v'.repeat(16), ...times })
})

const env = {
  SESSION_KEYS: KEY,
  DATABASE_URL: `sqlite:${site.path}/database.db`,
  // What it is a URL of does not matter to the command line.
  REDIS_URL: `file:${site.path}/redis`,
  OLD_STORE: `file:${site.path}/old`,
  NEW_STORE: `sqlite:${site.path}/new.db`,
}

const lines = blocksOf(PAGE)
  .filter(({ language }) => language === 'bash')
  .flatMap(({ code }) => code.split('\n'))

describe('docs/cli.md', () => {
  it('has a command line for each command', () => {
    for (const command of COMMANDS)
      expect(
        lines.some(line => line.startsWith(`npx holdfast ${command}`)),
        command,
      ).toBe(true)
  })

  // A store is there once something has been migrated to it.
  const made = 'npx holdfast migrate --from-env OLD_STORE --to-env DATABASE_URL'
  it.each([made, ...lines])('%s', async line => {
    const [npx, name, ...args] = line.split(' ')
    expect([npx, name]).toEqual(['npx', 'holdfast'])
    const { status, out, err } = await holdfast(args, { env, cwd: site.path })
    expect([status, err], out).toEqual([0, ''])
    expect(out).not.toBe('')
    if (args.includes('--json')) for (const one of out.trim().split('\n')) expect(() => JSON.parse(one)).not.toThrow()
  })

  it('names each option of each command, and no other', async () => {
    const named = new Set(textOf(PAGE).match(/(?<=`)--[a-z-]+(?=[ `])/g))
    const known = new Set(['--help'])
    for (const command of COMMANDS) {
      const { out } = await holdfast([command, '--help'])
      expect(out).toMatch(/\nExample:\n {2}.*holdfast /)
      for (const option of out.match(/^ {2}(?:-\w, )?--[a-z-]+/gm) ?? []) known.add(option.replace(/^.*(?=--)/, ''))
    }
    expect([...known].filter(option => !named.has(option) && option !== '--help')).toEqual([])
    expect([...named].filter(option => !known.has(option))).toEqual([])
  })

  it('names each count of a migration', async () => {
    const { out } = await holdfast(['migrate', '--from-env', 'OLD_STORE', '--to-env', 'NEW_STORE', '--json'], { env, cwd: site.path })
    const text = readFileSync(`${root}${PAGE}`, 'utf8')
    expect(Object.keys(JSON.parse(out)).filter(name => name !== 'seconds' && !text.includes(`| \`${name}\``))).toEqual([])
  })
})
