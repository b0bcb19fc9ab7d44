// A WebSocket has a request and no answer of a handler. `load()` reads its session; socket.io hands its requests to the middleware itself.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createSessions } from 'holdfast'
import session from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Visitor } from '../promises/support.ts'
import { Watch } from '../promises/watch.ts'
import type { Loose } from '../support/subjects.ts'
import { serve } from './stores/conversation.ts'
import { createApp, type ExpressMajor, expressMajors } from './stores/libraries.ts'
import { openMemory } from './stores/places.ts'

/** Each of them would be a reason to write. */
const eager = { secret: 'of the test', resave: true, saveUninitialized: true, rolling: true, cookie: { maxAge: 60_000 } }
const keys = ['of the test, long enough 0123456789']

interface Kind {
  /** The calls that a look at a session takes. */
  look: string[]
  open(): { middleware: Loose; store?: Watch }
}

const kinds: Record<string, Kind> = {
  "the drop-in with a peer's store": {
    look: ['get'],
    open() {
      const store = new Watch(openMemory().store(session))
      return { store, middleware: session({ ...eager, store: store.store }) }
    },
  },
  "the drop-in with Holdfast's store": {
    look: ['load'],
    open() {
      const store = new Watch(new MemoryStore())
      return { store, middleware: session({ ...eager, store: store.store, touchInterval: 1 }) }
    },
  },
  'native mode with a store': {
    look: ['load'],
    open() {
      const store = new Watch(new MemoryStore())
      return { store, middleware: session(createSessions({ keys, store: store.store, touchInterval: 1 })) }
    },
  },
  'native mode with the cookie': { look: [], open: () => ({ middleware: session(createSessions({ keys })) }) },
}

async function open(major: ExpressMajor, { middleware, store }: { middleware: Loose; store?: Watch }) {
  const app = createApp(major)
  app.use(middleware)
  app.get('/in', (req: Loose, res: Loose) => {
    req.session.user = 'ada'
    res.json('in')
  })
  app.get('/read', (req: Loose, res: Loose) => res.json(req.session.user ?? 'nobody'))
  app.get('/out', (req: Loose, res: Loose, next: Loose) => req.session.destroy().then(() => res.json('out'), next))
  const { server, port } = await serve(app)
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', async (request, socket, head) => {
    const told = await middleware.load(request).then(
      (data: unknown) => ({ data, on: Object.hasOwn(request, 'session') }),
      (error: Error) => ({ error: error.name }),
    )
    sockets.handleUpgrade(request, socket, head, connection => connection.send(JSON.stringify(told)))
  })
  onTestFinished(() => sockets.close())

  /** A real upgrade: what `load` gave, and which cookies came with the answer. */
  const upgrade = async (cookie: string): Promise<Loose> => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: cookie ? { cookie } : {} })
    const upgraded = once(client, 'upgrade')
    const [message] = await once(client, 'message')
    const [answer] = (await upgraded) as [IncomingMessage]
    client.close()
    await once(client, 'close')
    return { ...JSON.parse(String(message)), setCookie: answer.headers['set-cookie'] }
  }
  return { upgrade, visitor: () => new Visitor(port), did: () => store?.did() ?? [] }
}

describe.each(expressMajors)('load() at an upgrade, on Express %i', major => {
  it.each(Object.entries(kinds))('%s', async (_name, kind) => {
    const { upgrade, visitor, did } = await open(major, kind.open())
    const ada = visitor()
    await ada.get('/in')
    did()
    for (let time = 0; time < 2; time++) {
      expect(await upgrade(ada.header())).toEqual({ data: { user: 'ada' }, on: false, setCookie: undefined })
      expect(did()).toEqual(kind.look)
    }
    // Strangers, with nothing or with what was never signed.
    expect(await upgrade('')).toEqual({ data: null, on: false, setCookie: undefined })
    const [name = '', value = ''] = ada.header().split('=')
    expect(await upgrade(`${name}=${value.slice(0, -8)}AAAAAAAA`)).toMatchObject({ data: null, setCookie: undefined })
    expect(did()).toEqual([])
    expect((await ada.get('/read')).body).toBe('"ada"')
    const before = ada.header()
    await ada.get('/out')
    did()
    // In cookie mode a copy of the cookie lives on.
    expect((await upgrade(before)).data).toEqual(kind.look.length > 0 ? null : { user: 'ada' })
    expect(did()).toEqual(kind.look)
  })
})
