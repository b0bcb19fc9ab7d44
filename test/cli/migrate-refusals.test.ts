// What a slip of the hand must not do to sessions that are in the target already.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SessionRecord } from 'holdfast'
import { FileStore } from 'holdfast/stores/file'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../servers/process.ts'
import { record } from '../unit/support.ts'
import { holdfast } from './support.ts'

const HOUR = 3_600_000

let folder: ReturnType<typeof temporaryFolder>
let target: FileStore
beforeEach(() => {
  folder = temporaryFolder('refusals')
  for (const name of ['a', 'b', 'empty']) mkdirSync(at(name))
  target = new FileStore({ directory: at('target'), cleanupInterval: false })
})
afterEach(async () => {
  await target.close()
  folder.remove()
})

const at = (name: string) => join(folder.path, name)
const live = async () => (await target.list()).records.map(({ data }) => data).sort()

/** A session as session-file-store writes it. */
function put(source: string, id: string, data: object): void {
  const cookie = { originalMaxAge: HOUR, expires: new Date(Date.now() + HOUR) }
  writeFileSync(join(at(source), `${id}.json`), JSON.stringify({ cookie, __lastAccess: Date.now(), ...data }))
}

async function migrate(source: string, ...args: string[]) {
  const addresses = ['--from', `file:${at(source)}`, '--to', `file:${at('target')}`]
  return holdfast(['migrate', ...addresses, '--layout', 'express-session', '--json', ...args])
}

describe('H24: --final', () => {
  it('of one app ends nothing of another one, in the same target', async () => {
    put('a', 'one', { of: 'a' })
    put('a', 'two', { of: 'a2' })
    put('b', 'one', { of: 'b' })
    expect((await migrate('a', '--scope', 'a.sid')).status).toBe(0)
    expect((await migrate('b', '--scope', 'b.sid')).status).toBe(0)
    rmSync(join(at('a'), 'two.json'))
    const { status, out } = await migrate('a', '--scope', 'a.sid', '--final')
    expect([status, JSON.parse(out)]).toMatchObject([0, { there: 1, removed: 1 }])
    expect(await live()).toEqual(['{"of":"a"}', '{"of":"b"}'])
  })

  it('with the wrong scope ends nothing', async () => {
    put('a', 'one', { of: 'a' })
    await migrate('a', '--scope', 'a.sid')
    expect(JSON.parse((await migrate('a', '--scope', 'slip', '--final')).out)).toMatchObject({ copied: 1, removed: 0 })
    expect(await live()).toEqual(['{"of":"a"}', '{"of":"a"}'])
  })

  it('of a source without a live session is refused', async () => {
    put('a', 'one', { of: 'a' })
    await migrate('a')
    const { status, out, err } = await migrate('empty', '--final')
    expect([status, out]).toEqual([1, ''])
    expect(err).toMatch(/^holdfast: the source gave no live session/)
    expect(await live()).toEqual(['{"of":"a"}'])
  })
})

describe('H24: one store by two names', () => {
  it.each([['--online'], []])('is refused, and nothing has ended (%j)', async (...args) => {
    symlinkSync(at('target'), at('other-name'))
    const one = record({ key: 'one', version: 'v', userKey: 'ann', userId: 'ann', expiresAt: Date.now() + HOUR }, Date.now())
    await target.create(one)
    const { status, err } = await holdfast(['migrate', '--from', `file:${at('other-name')}`, '--to', `file:${at('target')}`, ...args])
    expect([status, err]).toEqual([2, expect.stringContaining('are the same store')])
    expect(await target.load('one')).toMatchObject({ key: 'one', version: 'v' })
  })
})

describe('H24: from a Holdfast store, copied', () => {
  const from = () => new FileStore({ directory: at('old'), cleanupInterval: false })
  const run = () => holdfast(['migrate', '--from', `file:${at('old')}`, '--to', `file:${at('target')}`, '--json'])
  const session = (key: string, version: string) =>
    record({ key, version, userKey: 'ann', userId: 'ann', data: `{"v":"${version}"}`, expiresAt: Date.now() + HOUR }, Date.now())

  it('the order of the logins stays', async () => {
    const old = from()
    const keys = Array.from({ length: 12 }, (_, n) => `${(n * 7) % 12}`)
    for (const key of keys) await old.create(session(key, `v${key}`))
    expect(JSON.parse((await run()).out)).toMatchObject({ copied: 12 })
    expect((await target.listByUser('ann')).map(({ key }) => key)).toEqual(keys)
    await old.close()
  })

  it('again, what is newer in the source is brought over; what was written in the target is an error', async () => {
    const old = from()
    await old.create(session('one', 'first'))
    await run()
    await old.save(session('one', 'second'), 'first')
    expect(JSON.parse((await run()).out)).toMatchObject({ updated: 1, kept: 0 })
    const copy = (await target.load('one')) as SessionRecord
    expect(copy.data).toBe('{"v":"second"}')
    await target.save({ ...copy, data: '{"v":"site"}', version: 'site' }, copy.version)
    const { status, out, err } = await run()
    expect([status, JSON.parse(out).kept, err]).toEqual([1, 1, expect.stringContaining('1 of the sessions differ')])
    expect(await target.load('one')).toMatchObject({ data: '{"v":"site"}' })
    await old.close()
  })
})

it('a source of another layout is an error', async () => {
  writeFileSync(join(at('a'), 'one.json'), '{"n":1}')
  const { status, err } = await migrate('a')
  expect([status, err]).toEqual([1, expect.stringContaining('nothing in the source is a session of this layout')])
})
