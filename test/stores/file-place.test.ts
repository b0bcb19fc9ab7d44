import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileStore } from 'holdfast/stores/file'
import { describe, expect, it, onTestFinished } from 'vitest'
import { diskFileSystem, type FileSystem } from '../../src/stores/file/system.ts'
import { temporaryFolder } from '../servers/process.ts'
import { engine, record } from '../unit/support.ts'

const ways: Record<string, { away: (path: string) => void; back: (path: string) => void }> = {
  'has gone': { away: () => {}, back: () => {} },
  'is another folder': { away: path => mkdirSync(path), back: path => rmdirSync(path) },
  'is a file': { away: path => writeFileSync(path, ''), back: path => rmSync(path) },
}

describe.each(Object.keys(ways))('a directory that %s while the store is in use', way => {
  const { away, back } = ways[way] as (typeof ways)[string]

  function open() {
    const { path, remove } = temporaryFolder('place')
    onTestFinished(remove)
    const directory = join(path, 'sessions')
    const aside = join(path, 'aside')
    const now = () => Date.UTC(2030, 0, 1)
    return {
      store: new FileStore({ directory, now }),
      leave() {
        renameSync(directory, aside)
        away(directory)
      },
      comeBack() {
        back(directory)
        renameSync(aside, directory)
      },
    }
  }

  it('is an error of every call, never an answer, and the sessions are there when it is back', async () => {
    const { store, leave, comeBack } = open()
    const made = record({ key: 'a' })
    await store.create(made)
    leave()
    const times = { touchedAt: made.touchedAt, expiresAt: made.expiresAt }
    const calls = [
      () => store.load('a'),
      () => store.create(record({ key: 'b' })),
      () => store.save({ ...made, version: 'v2' }, made.version),
      () => store.replace('a', made.version, record({ key: 'c' }), 'regenerated'),
      () => store.touch('a', times),
      () => store.delete('a', 'destroyed'),
      () => store.listByUser('u'),
      () => store.deleteByUser('u'),
      () => store.list(),
      () => store.deleteExpired(10),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow('FileStore: its directory')
    comeBack()
    expect(await store.load('a')).toEqual(made)
    expect(await store.load('b')).toBeNull()
  })

  it('in the middle of a call, that call fails too, and no other directory is made in its place', async () => {
    const { path, remove } = temporaryFolder('place')
    onTestFinished(remove)
    const directory = join(path, 'sessions')
    const real = diskFileSystem(false)
    let leaves: keyof FileSystem | undefined
    const leaving = new Proxy(real, {
      get: (target, name: keyof FileSystem) => {
        if (name === leaves) {
          leaves = undefined
          renameSync(directory, join(path, 'aside'))
        }
        return target[name]
      },
    })
    const store = new FileStore({ directory, now: () => Date.UTC(2030, 0, 1) }, leaving)
    const made = record({ key: 'a' })
    await store.create(made)
    const calls: Array<[keyof FileSystem, () => Promise<unknown>]> = [
      ['list', () => store.load('a')],
      ['create', () => store.create(record({ key: 'b' }))],
      ['makeFolder', () => store.create(record({ key: 'c', userKey: 'u' }))],
      ['create', () => store.save({ ...made, version: 'v2' }, made.version)],
      ['create', () => store.delete('a', 'destroyed')],
    ]
    for (const [when, call] of calls) {
      leaves = when
      await expect(call()).rejects.toThrow('FileStore: its directory')
      expect(existsSync(directory)).toBe(false)
      renameSync(join(path, 'aside'), directory)
    }
    expect(await store.load('a')).toEqual(made)
  })

  it('promise 5: a save fails, and is not dropped', async () => {
    const { store, leave, comeBack } = open()
    const e = engine({ store })
    const token = await e.begin({ n: 1 })
    const { session, data } = await e.open(token)
    data.n = 2
    leave()
    await expect(e.manager.commit(session, {})).rejects.toMatchObject({ code: 'HOLDFAST_STORE' })
    await expect(e.open(token)).rejects.toMatchObject({ code: 'HOLDFAST_STORE' })
    comeBack()
    expect(await e.stored(token)).toEqual({ n: 1 })
  })
})
