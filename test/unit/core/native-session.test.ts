import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { SessionControls } from '../../../src/core/controls.ts'
import * as functions from '../../../src/core/functions.ts'
import { assume, type Data } from '../../../src/core/json.ts'
import { NativeSession } from '../../../src/core/native-session.ts'

/** A session whose controls note what they are asked. */
function session(): { session: NativeSession & Data; asked: unknown[] } {
  const asked: unknown[] = []
  const controls: SessionControls = {
    id: 'the id',
    isNew: true,
    save: async () => void asked.push('save'),
    regenerate: async () => void asked.push('regenerate'),
    destroy: async () => void asked.push('destroy'),
    reload: async () => asked.push('reload') > 0,
    update: async change => void asked.push(change),
  }
  return { session: new NativeSession(controls) as NativeSession & Data, asked }
}

describe('NativeSession', () => {
  it('has methods, and functions that do the same', async () => {
    const { session: own, asked } = session()
    const change = () => {}
    await own.save()
    await own.regenerate()
    await own.destroy()
    expect(await own.reload()).toBe(true)
    await own.update(change)
    await functions.save(own)
    await functions.regenerate(own)
    await functions.destroy(own)
    expect(await functions.reload(own)).toBe(true)
    await functions.update(own, change)
    const once = ['save', 'regenerate', 'destroy', 'reload', change]
    expect(asked).toEqual([...once, ...once])
    expect([functions.idOf(own), functions.isNew(own)]).toEqual(['the id', true])
  })

  it('data of a method’s name hide the method, which remains a function', async () => {
    const { session: own, asked } = session()
    assume(own, { save: 'data', update: 1, id: 2, cookie: 3 })
    expect({ ...own }).toEqual({ save: 'data', update: 1, id: 2, cookie: 3 })
    await functions.save(own)
    expect(asked).toEqual(['save'])
  })

  it('has no id, no cookie and no key of its own, and shows none', () => {
    const { session: own } = session()
    expect([own.id, own.cookie, Object.keys(own), JSON.stringify(own)]).toEqual([undefined, undefined, [], '{}'])
    expect(inspect(own, { depth: 9, showHidden: true })).not.toContain('the id')
  })

  it('__proto__ is data like any other: no prototype is read or changed by it', () => {
    const { session: own } = session()
    const prototype: unknown = Object.getPrototypeOf(own)
    expect(Reflect.get(own, '__proto__') === undefined).toBe(true)
    Reflect.set(own, '__proto__', { admin: true })
    expect(Object.getPrototypeOf(own) === prototype).toBe(true)
    expect([own.admin, Object.keys(own), own instanceof NativeSession]).toEqual([undefined, ['__proto__'], true])
    expect(JSON.stringify(own)).toBe('{"__proto__":{"admin":true}}')
  })

  it('leads to nothing that all sessions share', () => {
    const { session: own } = session()
    const shared = Object.getPrototypeOf(own) as object
    for (const way of [Reflect.get(own, '__proto__'), Reflect.get(own, 'constructor')]) {
      const target: unknown = typeof way === 'function' ? way.prototype : way
      if (typeof target === 'object' && target !== null) Reflect.set(target, 'polluted', true)
    }
    expect([Reflect.get(shared, 'polluted'), Reflect.get({}, 'polluted'), Reflect.get(session().session, 'polluted')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('assume puts data in the place of what was there, and keeps what says the same', () => {
    const { session: own } = session()
    assume(own, { a: 1, b: 2 })
    assume(own, JSON.parse('{"b":3,"__proto__":4}') as Data)
    expect(JSON.stringify(own)).toBe('{"b":3,"__proto__":4}')
    const shared = { theme: 'light' }
    assume(own, { shared, cart: [1] })
    assume(own, { shared: { theme: 'light' }, cart: [1, 2] })
    expect(own.shared).toBe(shared)
    assume(own, { shared: { theme: 'dark' }, cart: [1, 2] })
    expect(own).toEqual({ shared: { theme: 'dark' }, cart: [1, 2] })
    expect(shared).toEqual({ theme: 'light' })
  })

  it('assume puts them in the order in which they come: another order would be another text', () => {
    const { session: own } = session()
    const cart = [1]
    assume(own, { a: 1, cart })
    assume(own, { a: 1, b: 2, c: 3, cart: [1] })
    expect(JSON.stringify(own)).toBe('{"a":1,"b":2,"c":3,"cart":[1]}')
    expect(own.cart).toBe(cart)
    assume(own, JSON.parse('{"__proto__":0,"c":3,"a":1}') as Data)
    expect(JSON.stringify(own)).toBe('{"__proto__":0,"c":3,"a":1}')
  })
})

it('what is no session is refused', async () => {
  for (const call of [functions.idOf, functions.isNew, functions.save, functions.reload])
    expect(() => call({})).toThrow(/not a Holdfast session/)
})
