import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { type Handler, logout, type Mode, raw, read, redirectTo, refuse, renew, storeModes, write } from './support.ts'
import { table } from './table.ts'

interface Case {
  /** The store's method that must answer first, in a Map and in a Holdfast store. */
  waits: { map: string; memory: string }
  from: 'anonymous' | 'logged in'
  act: Handler
}

const first = { map: 'set', memory: 'create' }
const change = { map: 'set', memory: 'save' }

const cases: Record<string, Case> = {
  'a first write': { waits: first, from: 'anonymous', act: write({ name: 'new' }) },
  'a first write behind a redirect': { waits: first, from: 'anonymous', act: write({ name: 'new' }, t => redirectTo(t, '/elsewhere')) },
  'a first write behind a stream': { waits: first, from: 'anonymous', act: write({ name: 'new' }, () => Readable.from(['a', 'b'])) },
  'a first write behind an error': { waits: first, from: 'anonymous', act: write({ name: 'new' }, refuse(403, 'no')) },
  'a change': { waits: change, from: 'logged in', act: write({ name: 'new' }) },
  'an explicit save': { waits: change, from: 'logged in', act: write({ name: 'new' }, t => t.session.save().then(() => 'done')) },
  'a new id': { waits: { map: 'set', memory: 'replace' }, from: 'logged in', act: renew },
  'a logout': { waits: { map: 'destroy', memory: 'delete' }, from: 'logged in', act: logout },
}

const methodOf = ({ waits }: Case, { place }: Mode) => (place === 'map' ? waits.map : waits.memory)

table(storeModes, (open, mode, driver) => {
  for (const [what, scene] of Object.entries(cases)) {
    it(`promise 4: no octet of the answer leaves before the store has accepted ${what}`, async () => {
      const site = await open({
        routes: { '/in': write({ name: 'old' }), '/act': scene.act, '/read': read('name'), '/ping': () => 'pong' },
      })
      const visitor = site.visitor()
      if (scene.from === 'logged in') await visitor.get('/in')
      // A new id that drops the data is a new record.
      const begins = what === 'a new id' && mode.place === 'memory' && !driver.keepsDataWithNewId(mode)
      const stop = site.store.stop(begins ? 'create' : methodOf(scene, mode))

      const exchange = raw(site.port, '/act', { cookie: visitor.header() })
      await stop.reached
      for (let i = 0; i < 3; i++) expect((await site.visitor().get('/ping')).body).toBe('pong')
      expect(exchange.text()).toBe('')

      stop.open()
      const answer = await exchange.done
      expect(answer).toMatch(/^HTTP\/1\.1 (200|302|403) /)
      visitor.take([...answer.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line]) => line ?? ''))
      const expected = { 'a logout': 'nothing', 'a new id': driver.keepsDataWithNewId(mode) ? 'old' : 'nothing' }[what] ?? 'new'
      expect((await visitor.get('/read')).body).toBe(expected)
    })
  }

  it('promise 4: a client that reacts to the headers alone reads its own write', async () => {
    const site = await open({
      routes: {
        '/in': write({ n: 0 }),
        '/add': t => {
          t.session.n += 1
          // The body never ends before the client has seen the next answer.
          return Readable.from(bodyOf())
        },
        '/read': read('n'),
      },
    })
    let finish = () => {}
    const seen = new Promise<void>(resolve => {
      finish = resolve
    })
    async function* bodyOf() {
      yield 'begun'
      await seen
    }
    const visitor = site.visitor()
    await visitor.get('/in')
    const adding = raw(site.port, '/add', { cookie: visitor.header() })
    while (!adding.text().includes('\r\n\r\n')) await new Promise(resolve => setImmediate(resolve))
    expect((await visitor.get('/read')).body).toBe('1')
    finish()
    await adding.done
  })
})
