import { describe, expect, it } from 'vitest'
import { keySource } from '../../../src/crypto/key-source.ts'
import { Key, type KeyInput, type KeySource } from '../../../src/crypto/keyring.ts'
import type { KeyProvider } from '../../../src/crypto/provided-keys.ts'
import { secret } from '../support.ts'

const [one, two] = [secret(1), secret(2)]
const idOf = (input: KeyInput): string => new Key(input).id
const turn = () => new Promise(resolve => setImmediate(resolve))

/** A source on a provider, with timers that fire when the test says so. */
function provided(provider: KeyProvider, accept?: (ring: unknown) => void) {
  const pending: Array<{ ms: number; fire: () => void }> = []
  const failures: unknown[] = []
  const after = (ms: number, fire: () => void) => {
    const entry = { ms, fire }
    pending.push(entry)
    return () => {
      if (pending.includes(entry)) pending.splice(pending.indexOf(entry), 1)
    }
  }
  const source: KeySource = keySource(provider, 'missing', { after, failed: error => failures.push(error) }, accept)
  const fire = async (ms: number) => {
    const entry = pending.find(timer => timer.ms === ms)
    if (!entry) throw new Error(`no timer of ${ms} ms`)
    pending.splice(pending.indexOf(entry), 1)
    entry.fire()
    await turn()
  }
  return { source, failures, fire, waits: () => pending.map(({ ms }) => ms) }
}

describe('keys of a provider', () => {
  it('are loaded when first needed, once for all who wait, and then there at once', async () => {
    let asked = 0
    const { source } = provided({
      load: async () => {
        asked++
        return [one]
      },
    })
    expect(source.ready).toBe(false)
    expect(() => source.ring()).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS' }))
    expect(asked).toBe(0)
    await Promise.all([source.prepare(), source.prepare()])
    expect(asked).toBe(1)
    expect(source.ready).toBe(true)
    expect(source.prepare()).toBeUndefined()
    expect(source.ring().newest.id).toBe(idOf(one))
  })

  it('are refreshed in the background: the newest writes, a revoked one no longer reads', async () => {
    let keys: KeyInput[] = [one]
    const { source, fire, waits } = provided({ load: async () => keys, refreshEvery: 1000, timeout: 50 })
    await source.prepare()
    const first = source.ring()
    await fire(1000)
    // The same secrets: the same ring, and its derived keys with it.
    expect(source.ring()).toBe(first)
    keys = [two, { secret: one, revoked: true }]
    await fire(1000)
    expect(source.ring().newest.id).toBe(idOf(two))
    expect(source.ring().reader(idOf(one), idOf(one))).toBeUndefined()
    expect(waits()).toEqual([1000])
  })

  it.each<[string, () => Promise<readonly KeyInput[]>]>([
    ['rejects', () => Promise.reject(new Error('vault is down'))],
    [
      'throws',
      () => {
        throw new Error('vault is down')
      },
    ],
    ['gives none', async () => []],
    ['gives nothing', async () => undefined as unknown as KeyInput[]],
    ['gives a short one', async () => ['short']],
    ['gives only revoked ones', async () => [{ secret: two, revoked: true }]],
  ])('a reload that %s keeps the old keys, says so, and is tried again', async (_name, broken) => {
    let load: () => Promise<readonly KeyInput[]> = async () => [one]
    const { source, fire, failures, waits } = provided({ load: () => load(), refreshEvery: 1000, timeout: 50 })
    await source.prepare()
    load = broken
    await fire(1000)
    expect(failures.length).toBe(1)
    expect(source.ring().newest.id).toBe(idOf(one))
    expect(waits()).toEqual([1000])
    load = async () => [two, one]
    await fire(1000)
    expect(source.ring().newest.id).toBe(idOf(two))
  })

  it.each<[string, KeyInput[]]>([
    ['only a revoked one', [{ secret: one, revoked: true }]],
    ['a revoked one beside one that is too short', ['short', { secret: one, revoked: true }]],
  ])('a reload that gives %s keeps nothing of it: all are revoked until a better list comes', async (_name, broken) => {
    let keys: KeyInput[] = [one]
    const { source, fire, failures } = provided({ load: async () => keys, refreshEvery: 1000 })
    await source.prepare()
    keys = broken
    await fire(1000)
    expect(failures.length).toBe(1)
    expect(source.ring().reader(idOf(one), idOf(one))).toBeUndefined()
    expect(source.ring().readers).toEqual([])
    expect(() => source.ring().newest).toThrow(expect.objectContaining({ code: 'HOLDFAST_KEYS' }))
    keys = [one]
    await fire(1000)
    expect(source.ring().newest.id).toBe(idOf(one))
  })

  it('a reload that shares a key with a reader still revokes, and the next of the old keys writes', async () => {
    let keys: KeyInput[] = [two, one]
    const { source, fire } = provided({ load: async () => keys, refreshEvery: 1000 }, ring => {
      if ((ring as { has(id: string): boolean }).has(idOf(secret(3)))) throw new Error('shared with a reader')
    })
    await source.prepare()
    keys = [secret(3), { secret: two, revoked: true }, one]
    await fire(1000)
    expect(source.ring().newest.id).toBe(idOf(one))
    expect(source.ring().reader(idOf(one), idOf(two))).toBeUndefined()
    expect(source.ring().reader(idOf(one), idOf(one))).toBeDefined()
  })

  it('a first load that fails fails who waits, and is tried again by the next', async () => {
    let up = false
    const { source } = provided({ load: async () => (up ? [one] : Promise.reject(new Error('down'))) })
    await expect(source.prepare()).rejects.toMatchObject({ code: 'HOLDFAST_KEYS', cause: { message: 'down' } })
    up = true
    await source.prepare()
    expect(source.ring().newest.id).toBe(idOf(one))
  })

  it('a provider that never answers fails in time, and a late answer changes nothing', async () => {
    const answers: Array<(keys: KeyInput[]) => void> = []
    const { source, fire, failures } = provided({
      load: () => new Promise(resolve => answers.push(resolve)),
      refreshEvery: 1000,
      timeout: 50,
    })
    const first = source.prepare() as Promise<void>
    const refused = expect(first).rejects.toMatchObject({ code: 'HOLDFAST_KEYS' })
    await turn()
    await fire(50)
    await refused
    const second = source.prepare() as Promise<void>
    await turn()
    answers[1]?.([one])
    await second
    answers[0]?.([two])
    await turn()
    expect(source.ring().newest.id).toBe(idOf(one))
    await fire(1000)
    await fire(50)
    expect(failures.length).toBe(1)
    answers[2]?.([two])
    await turn()
    expect(source.ring().newest.id).toBe(idOf(one))
  })

  it('a ring that the site cannot use is a failed reload', async () => {
    let keys = [one]
    const { source, fire, failures } = provided({ load: async () => keys, refreshEvery: 1000 }, ring => {
      if ((ring as { has(id: string): boolean }).has(idOf(two))) throw new Error('shared with a reader')
    })
    await source.prepare()
    keys = [two, one]
    await fire(1000)
    expect(failures).toEqual([expect.objectContaining({ message: 'shared with a reader' })])
    expect(source.ring().newest.id).toBe(idOf(one))
  })

  it('octets that the site changes in place are seen to differ', async () => {
    const octets = Buffer.from(one)
    const { source, fire } = provided({ load: async () => [octets], refreshEvery: 1000 })
    await source.prepare()
    octets.write('another')
    await fire(1000)
    expect(source.ring().newest.id).toBe(idOf(octets))
  })

  it('close() leaves no timer', async () => {
    const { source, waits } = provided({ load: async () => [one], refreshEvery: 1000 })
    await source.prepare()
    source.close()
    expect(waits()).toEqual([])
    const closedMeanwhile = provided({ load: async () => [one], refreshEvery: 1000 })
    const first = closedMeanwhile.source.prepare()
    closedMeanwhile.source.close()
    await first
    expect(closedMeanwhile.waits()).toEqual([])
  })

  it('options that are none are refused', () => {
    const load = async () => [one]
    for (const wrong of [{ load: 1 }, { load: undefined }, { load, refreshEvery: 0 }, { load, timeout: 'soon' }, { load, every: 1 }])
      expect(() => provided(wrong as unknown as KeyProvider)).toThrow(TypeError)
  })

  it('a plain function that gives a promise is told what to write instead', () => {
    const source = keySource((async () => [one]) as unknown as () => KeyInput[], '', {
      after: () => () => undefined,
      failed: () => undefined,
    })
    expect(() => source.ring()).toThrow(/load: async/)
  })
})
