import { describe, expect, it, vi } from 'vitest'
import type { Asker } from '../../../src/core/login-facts.ts'
import { Warnings } from '../../../src/core/warnings.ts'
import { checkDevice, type DeviceOption, loginFactsBy } from '../../../src/native/devices.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'
const asker: Asker = { ip: '203.0.113.77', userAgent: FIREFOX }

function factsBy(device: DeviceOption, timeoutMs = 5000) {
  const warned: string[] = []
  const facts = loginFactsBy({
    device,
    timeoutMs,
    warnings: new Warnings(
      (code, text) => warned.push(`${code}: ${text}`),
      () => 0,
    ),
  })
  return { warned, device: async (who: Asker = asker) => (await facts({ asker: who })).device }
}

describe('what is kept of a device', () => {
  it.each<[DeviceOption, object]>([
    [true, { label: 'Firefox on Linux', ip: '203.0.113.0' }],
    [{}, { label: 'Firefox on Linux', ip: '203.0.113.0' }],
    [{ ip: 'truncated' }, { label: 'Firefox on Linux', ip: '203.0.113.0' }],
    [{ ip: 'full' }, { label: 'Firefox on Linux', ip: '203.0.113.77' }],
    [{ ip: false }, { label: 'Firefox on Linux' }],
    [
      { ip: false, locate: ip => `near ${ip}` },
      { label: 'Firefox on Linux', place: 'near 203.0.113.77' },
    ],
    [{ locate: async () => 'Berlin' }, { label: 'Firefox on Linux', ip: '203.0.113.0', place: 'Berlin' }],
  ])('by %j', async (option, kept) => {
    expect(await factsBy(option).device()).toEqual(kept)
  })

  it('has no name where the names of browsers cannot be loaded; no login fails of it', async () => {
    vi.doMock('../../../src/device/user-agent.ts', () => {
      throw new Error('EMFILE')
    })
    try {
      const { warned, device } = factsBy(true)
      expect(await device()).toEqual({ label: 'Unknown device', ip: '203.0.113.0' })
      expect(warned).toEqual([expect.stringMatching(/^HOLDFAST_DEVICE: /)])
    } finally {
      vi.doUnmock('../../../src/device/user-agent.ts')
    }
  })

  it('is nothing where it is turned off, and where no request stands behind the login', async () => {
    expect(await factsBy(false).device()).toBeUndefined()
    const facts = loginFactsBy({
      device: true,
      timeoutMs: 1,
      warnings: new Warnings(
        () => undefined,
        () => 0,
      ),
    })
    expect([(await facts(undefined)).device, (await facts(null)).device, (await facts({})).device]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('says nothing of an address that is none, and asks nobody where it is', async () => {
    const asked: string[] = []
    const { device } = factsBy({ locate: ip => void asked.push(ip) })
    expect(await device({ ip: '<script>', userAgent: undefined })).toEqual({ label: 'Unknown device' })
    expect(asked).toEqual([])
  })

  it('bears another name at each login', async () => {
    const facts = loginFactsBy({
      device: false,
      timeoutMs: 1,
      warnings: new Warnings(
        () => undefined,
        () => 0,
      ),
    })
    const names = await Promise.all(Array.from({ length: 100 }, async () => (await facts({ asker })).login))
    expect(new Set(names).size).toBe(100)
  })
})

describe('locate', () => {
  const without = { label: 'Firefox on Linux', ip: '203.0.113.0' }
  const lie = (value: unknown): DeviceOption => ({ locate: () => value as string })

  it('is one line of at most 80 printable characters, or nothing', async () => {
    expect(await factsBy(lie(`<b>\n${'x'.repeat(500)}`)).device()).toEqual({ ...without, place: `b ${'x'.repeat(78)}` })
    for (const value of [undefined, null, '', '\0', 7, {}, ['Berlin'], Promise.resolve(7)]) {
      const { device, warned } = factsBy(lie(value))
      expect([await device(), warned]).toEqual([without, []])
    }
  })

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('203.0.113.77 is unknown')
      },
    ],
    ['rejects', () => Promise.reject(new Error('203.0.113.77 is unknown'))],
  ])('costs the place only where it %s, and its error is not told', async (_, locate) => {
    const { device, warned } = factsBy({ locate })
    expect(await device()).toEqual(without)
    expect(warned).toEqual(['HOLDFAST_LOCATE: device.locate has thrown: logins go on without a place'])
  })

  it('costs the place only where it never answers, for as long as a store may take', async () => {
    const { device, warned } = factsBy({ locate: () => new Promise(() => undefined) }, 20)
    const began = performance.now()
    expect(await device()).toEqual(without)
    expect(performance.now() - began).toBeLessThan(4000)
    expect(warned).toEqual(['HOLDFAST_LOCATE: device.locate did not answer within 20 ms: logins go on without a place'])
  })
})

describe('the option device', () => {
  const store = new MemoryStore()

  it.each([undefined, true, false, {}, { ip: false }, { ip: 'full' }, { locate: () => 'x' }] as DeviceOption[])('may be %j', option => {
    expect(() => checkDevice(option, store)).not.toThrow()
  })

  it.each([
    [null, /^device must be/],
    ['on', /^device must be/],
    [{ ip: true }, /^device\.ip must be 'truncated' or 'full'/],
    [{ ip: 'none' }, /^device\.ip/],
    [{ locate: 'Berlin' }, /^device\.locate must be a function/],
    [{ place: true }, /^device: there is no option "place"/],
  ])('may not be %j', (option, message) => {
    expect(() => checkDevice(option as DeviceOption, store)).toThrow(message)
  })

  it('needs a store that keeps an index, unless it is turned off', () => {
    for (const other of [undefined, { get() {}, set() {}, destroy() {} }]) {
      expect(() => checkDevice(true, other)).toThrow(/^device needs a store/)
      expect(() => checkDevice({}, other)).toThrow(TypeError)
      expect(() => checkDevice(false, other)).not.toThrow()
      expect(() => checkDevice(undefined, other)).not.toThrow()
    }
  })
})
