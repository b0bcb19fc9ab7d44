import { format, inspect } from 'node:util'
import { idOf, update } from 'holdfast'
import { expect, it, vi } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { dropInModes, everyMode, logout, refuse, renew, type Setup, settled, storeModes, write } from './support.ts'
import { onKoa, table } from './table.ts'

const ways = [
  (value: unknown) => inspect(value, { depth: 9, showHidden: true }),
  (value: unknown) => format('%s %o %O %j', value, value, value, value),
  (value: unknown) => inspect(value),
]

/** All texts that a log could make of a value. */
const toldOf = (value: unknown): string => ways.map(way => way(value)).join('\n')

table(storeModes, (open, mode) => {
  it('promise 26: no raw id in logs, errors, events or warnings', async () => {
    const printed: unknown[] = []
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map(name =>
      vi.spyOn(console, name).mockImplementation((...args) => void printed.push(args)),
    )
    const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(text => printed.push(String(text)) > 0)
    const warned = (warning: Error) => void printed.push(warning)
    process.on('warning', warned)
    const secrets = new Set<string>()
    const routes: Setup['routes'] = {
      '/in': write({ name: 'ann' }, t => {
        secrets.add(String(idOf(t.session)))
        return 'in'
      }),
      '/renew': renew,
      '/out': logout,
      '/read': t => String(t.session.name),
      '/fail': write({ n: 1 }, refuse(500, 'no')),
      '/update': t => update(t.session, draft => Object.assign(draft, { m: 1 })).then(() => 'done'),
      '/oops': write({ count: 1n }),
    }
    const site = await open({ routes })
    try {
      const visitor = site.visitor()
      const remember = () => {
        for (const [name, value] of visitor.cookies) if (!name.endsWith('.sig')) secrets.add(value)
      }
      await visitor.get('/in')
      remember()
      const before = visitor.header()
      await visitor.get('/renew')
      remember()
      for (const path of ['/read', '/fail', '/update', '/oops']) await visitor.get(path)
      // The old id, when it is dead: with a tombstone, and in a store that has never seen it.
      await site.visitor().get('/read', { headers: { cookie: before } })
      for (const method of ['get', 'set', 'destroy', 'load', 'create', 'save', 'replace', 'delete'])
        site.store.fail(method, new Error('down'))
      for (const path of ['/read', '/in', '/renew', '/out', '/update']) await visitor.get(path)
      site.store.heal()
      await visitor.get('/out')
      await settled()
    } finally {
      process.off('warning', warned)
      for (const spy of [...spies, stderr]) spy.mockRestore()
    }
    expect(secrets.size).toBeGreaterThan(1)
    expect(site.errors.length).toBeGreaterThan(4)
    expect(site.events.length).toBeGreaterThan(0)
    const told = [
      ...printed.map(toldOf),
      ...site.errors.map(toldOf),
      ...site.events.map(({ name, event }) => name + inspect(event) + JSON.stringify(event)),
    ]
    for (const secret of secrets) {
      // The id stands in front of a native token's signature.
      for (const text of [secret, ...(mode.native ? [secret.slice(0, 47)] : [])]) {
        for (const line of told) expect(line).not.toContain(text)
      }
    }
  })

  it("promise 26: a Holdfast store is never told an id, and a peer's is told nothing else", async () => {
    if (mode.place === 'map') return
    const ids: string[] = []
    const site = await open({
      routes: {
        '/in': write({ name: 'ann' }, t => save(t.session, ids)),
        '/read': t => String(t.session.name),
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    await visitor.get('/read')
    const calls = JSON.stringify(site.store.calls)
    expect(site.store.calls.length).toBeGreaterThan(1)
    for (const id of ids) expect(calls).not.toContain(id)
    for (const value of visitor.cookies.values()) expect(calls).not.toContain(value)
  })
})

async function save(session: Loose, ids: string[]): Promise<string> {
  await session.save()
  ids.push(String(idOf(session)))
  return 'in'
}

table(everyMode, open => {
  it('promise 26: inspecting a session shows the data and nothing that lets anybody in', async () => {
    let told = ''
    let id: string | undefined
    const site = await open({
      routes: {
        '/in': write({ name: 'ann' }),
        '/look': t => {
          told = toldOf(t.session)
          id = idOf(t.session)
          return 'looked'
        },
      },
    })
    const visitor = site.visitor()
    await visitor.get('/in')
    await visitor.get('/look')
    expect(told).toContain("name: 'ann'")
    if (id) expect(told).not.toContain(id)
    for (const value of visitor.cookies.values()) expect(told).not.toContain(value)
  })
})

table(
  dropInModes,
  open => {
    it('promise 26: a session in JSON is its data', async () => {
      const site = await open({ routes: { '/look': write({ name: 'ann' }, t => JSON.stringify(t.session)) } })
      expect((await site.visitor().get('/look')).body).toBe('{"name":"ann"}')
    })
  },
  onKoa,
)
