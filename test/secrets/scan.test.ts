// That the search for secrets in the suite's output (scripts/secrets.mjs) can find one.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { Secrets, scan } from './scan.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

function recorded(...args: string[]): ReturnType<typeof scan> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const env = { ...process.env, HOLDFAST_SECRETS: folder, NODE_OPTIONS: `--require ${here('recorder.cjs')}` }
  execFileSync(process.execPath, [here('child.mjs'), ...args], { env, stdio: 'pipe' })
  return scan(folder)
}

it('promise 26: an id and a token that a child process says are found', () => {
  const { secrets, leaks } = recorded('one', 'leak')
  expect(secrets).toBeGreaterThanOrEqual(2)
  expect(leaks.map(({ kind }) => kind).sort()).toEqual(['id', 'token'])
  expect(JSON.stringify(leaks)).not.toContain('AAAAAAAAAAAAAAAAAAAAA')
})

it('promise 26: what says none is clean', () => {
  const { secrets, said, leaks } = recorded('two')
  expect(secrets).toBeGreaterThanOrEqual(2)
  expect(said).toBeGreaterThan(0)
  expect(leaks).toEqual([])
})

it('finds a secret anywhere in a text, and nothing that only begins like one', () => {
  const secrets = new Secrets()
  secrets.add('id', 'abcdefghijklmnopqrstuvwxyz')
  secrets.add('key', 'abcdefghijklmnop-another')
  secrets.add('key', 'short')
  expect(secrets.size).toBe(2)
  expect(secrets.leaks('…abcdefghijklmnopqrstuvwxyz, abcdefghijklmnop-another short')).toHaveLength(2)
  expect(secrets.leaks('abcdefghijklmnopqrstuvwxy abcdefghijklmno')).toEqual([])
})
