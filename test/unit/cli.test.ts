import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createSessions } from 'holdfast'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.ts'

const SECRET = /^[A-Za-z0-9_-]{43}$/

/** What a command line answers, and with which status. */
async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const status = await main(args, { out: text => out.push(text), err: text => err.push(text) })
  return { status, out: out.map(line => `${line}\n`).join(''), err: err.join('\n') }
}

const linesOf = (text: string) => text.split('\n').slice(0, -1)

describe('holdfast keygen', () => {
  it('prints one secret of 256 bits that createSessions takes', async () => {
    const { status, out, err } = await run('keygen')
    const [secret = '', ...others] = linesOf(out)
    expect([status, others, err]).toEqual([0, [], ''])
    expect(secret).toMatch(SECRET)
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(createSessions({ keys: [secret] })).toBeDefined()
  })

  it('prints as many as asked for, no two alike', async () => {
    const secrets = linesOf((await run('keygen', '--count', '100')).out)
    expect(new Set(secrets).size).toBe(100)
    for (const secret of secrets) expect(secret).toMatch(SECRET)
  })

  it('--json gives them as one object', async () => {
    const { keys } = JSON.parse((await run('keygen', '--count', '2', '--json')).out) as { keys: string[] }
    expect(keys).toHaveLength(2)
    for (const key of keys) expect(key).toMatch(SECRET)
  })

  it.each([
    [['--count', '0']],
    [['--count', '-1']],
    [['--count', '1.5']],
    [['--count', '101']],
    [['--count', '1e1']],
    [['--count', '']],
    [['--count']],
    [['--counts', '2']],
    [['--jsn']],
  ])('%j is not understood: status 2, the usage on stderr, and no secret', async args => {
    const { status, out, err } = await run('keygen', ...args)
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain('holdfast keygen [--count <n>]')
  })

  it('does not repeat an argument that it does not take', async () => {
    const { status, err } = await run('keygen', 'a-secret-in-the-wrong-place')
    expect(status).toBe(2)
    expect(err).not.toContain('a-secret-in-the-wrong-place')
  })
})

describe('holdfast', () => {
  it.each([[[]], [['keygne']], [['constructor']], [['--verbose']]])('%j is not understood: status 2, the usage on stderr', async args => {
    const { status, out, err } = await run(...args)
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain('holdfast <command>')
  })

  it('cuts and escapes what it does not know', async () => {
    const { err } = await run(`\u001b[31m${'x'.repeat(500)}`)
    expect(err).not.toContain('\u001b')
    expect(err).not.toContain('x'.repeat(65))
  })

  it.each([['--help'], ['-h']])('%s says what there is', async option => {
    const { status, out, err } = await run(option)
    expect([status, err]).toEqual([0, ''])
    expect(out).toContain('keygen')
    expect((await run('keygen', option)).out).toContain('--count')
  })

  it('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    expect(await run('--version')).toEqual({ status: 0, out: `${version}\n`, err: '' })
  })
})

describe('as a process', () => {
  const command = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
  const start = (...args: string[]) => {
    if (!existsSync(command)) throw new Error('dist/cli.js is missing: run `npm run build` first')
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  it.skipIf(process.platform === 'win32')('is a program of its own: a secret on stdout, status 0', () => {
    const { status, stdout, stderr } = start('keygen')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^[\w-]{43}\n$/)
  })

  it.skipIf(process.platform === 'win32')('ends with 2 where it is not understood', () => {
    expect(start('keys')).toMatchObject({ status: 2, stdout: '' })
  })
})
