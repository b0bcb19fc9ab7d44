// socket.io hands the requests of its connections to `session(options)` itself, and events find `socket.request.session`: the same app
// with express-session and with Holdfast, over both transports.
import { createServer } from 'node:http'
import { createSessions } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import { Server } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Visitor } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'
import { createApp, type ExpressMajor, expressMajors, holdfast, type Library, peer } from './stores/libraries.ts'
import { openMemory } from './stores/places.ts'

interface Site {
  visitor: Visitor
  /** How many sessions there are. */
  count(): Promise<number>
  /** A connection with these cookies. */
  socket(transport: string, cookie: string): Promise<Socket>
  close(): Promise<void>
}

interface Stored {
  native?: boolean
  open(): { store: Loose; count(): Promise<number> }
}

const inPeers: Stored = {
  open() {
    const place = openMemory()
    return { store: place.store(peer.session), count: async () => Object.keys(await place.records()).length }
  },
}
const inHoldfasts: Stored = {
  open() {
    const store = new MemoryStore()
    return { store, count: async () => store.size }
  },
}

const native: Stored = { ...inHoldfasts, native: true }

async function open(major: ExpressMajor, { session }: Library, stored: Stored): Promise<Site> {
  const { store, count } = stored.open()
  const keys = ['of the test, long enough 0123456789']
  const options = { secret: 'of the test', resave: false, saveUninitialized: false, store }
  const middleware = session(stored.native ? createSessions({ keys, store }) : options)
  const app = createApp(major)
  app.use(middleware)
  app.get('/in', (req: Loose, res: Loose) => {
    req.session.user = 'ada'
    res.json('in')
  })
  app.get('/read', (req: Loose, res: Loose) => res.json({ user: req.session.user, count: req.session.count }))
  app.get('/out', (req: Loose, res: Loose) => {
    // Native mode has promises only.
    const out = () => res.json('out')
    if (stored.native) req.session.destroy().then(out)
    else req.session.destroy(out)
  })
  const server = createServer(app)
  const io = new Server(server)
  io.engine.use(middleware)
  io.on('connection', socket => {
    const req = socket.request as Loose
    // What socket.io's documentation shows.
    socket.on('who', answer => answer({ user: req.session.user, same: req.session.id === req.sessionID }))
    socket.on('count', answer => {
      req.session.reload((error: Loose) => {
        if (error) return answer(String(error))
        req.session.count = (req.session.count ?? 0) + 1
        req.session.save((failed: Loose) => answer(failed ? String(failed) : req.session.count))
      })
    })
    socket.on('count by promises', answer => {
      req.session
        .reload()
        .then((found: boolean | undefined) => {
          // Native mode says so, and the drop-in fails.
          if (found === false) throw new Error('failed to load session')
          req.session.count = (req.session.count ?? 0) + 1
          return req.session.save()
        })
        .then(
          () => answer(req.session.count),
          (error: Loose) => answer(String(error)),
        )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }

  const sockets: Socket[] = []
  const close = async () => {
    for (const socket of sockets.splice(0)) socket.close()
    // The keep-alive connections of the visitor.
    server.closeIdleConnections()
    if (server.listening) await io.close()
  }
  onTestFinished(close)
  return {
    count,
    close,
    visitor: new Visitor(port),
    async socket(transport, cookie) {
      const headers = cookie ? { cookie } : {}
      const order = transport.split(', then ')
      const socket = connect(`http://127.0.0.1:${port}`, {
        transports: order,
        extraHeaders: headers,
        forceNew: true,
        reconnection: false,
      })
      sockets.push(socket)
      await new Promise<void>((resolve, reject) => {
        socket.on('connect', resolve)
        socket.on('connect_error', reject)
      })
      // Each transport is a request of its own.
      const { engine } = socket.io
      if (engine.transport.name !== order.at(-1)) await new Promise(resolve => engine.once('upgrade', resolve))
      return socket
    },
  }
}

const transports = ['polling', 'websocket', 'polling, then websocket']
const kinds: [string, Library, Stored][] = [
  ['express-session', peer, inPeers],
  ["Holdfast with a peer's store", holdfast, inPeers],
  ["Holdfast with Holdfast's store", holdfast, inHoldfasts],
]

describe.each(expressMajors)('socket.io beside Express %i', major => {
  describe.each(kinds)('%s', (_, library, stored) => {
    it.each(transports)('over %s the session is there, can be loaded again and saved', async transport => {
      const { visitor, count, socket, close } = await open(major, library, stored)
      await visitor.get('/in')
      const ada = await socket(transport, visitor.header())
      expect(await ada.emitWithAck('who')).toEqual({ user: 'ada', same: true })
      expect(await ada.emitWithAck('count')).toBe(1)
      expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ user: 'ada', count: 1 })
      expect(await ada.emitWithAck('count')).toBe(2)
      expect(await count()).toBe(1)

      // Who has left in the meantime is not brought back.
      const cookie = visitor.header()
      await visitor.get('/out')
      expect(await ada.emitWithAck('count')).toBe('Error: failed to load session')
      visitor.cookies.clear()
      expect((await visitor.get('/read', { headers: { cookie } })).body).toBe('{}')
      await close()
    })

    it.each(transports)('over %s nothing is made for a stranger', async transport => {
      const { count, socket, close } = await open(major, library, stored)
      const stranger = await socket(transport, '')
      expect(await stranger.emitWithAck('who')).toEqual({ same: true })
      expect(await count()).toBe(0)
      await close()
      expect(await count()).toBe(0)
    })

    it('the answer to a handshake sets no cookie', async () => {
      const { count, visitor } = await open(major, library, stored)
      const handshake = '/socket.io/?EIO=4&transport=polling'
      expect(await visitor.get(handshake)).toMatchObject({ status: 200, setCookie: [] })
      expect(await count()).toBe(0)
      await visitor.get('/in')
      expect(await visitor.get(handshake)).toMatchObject({ status: 200, setCookie: [] })
      expect(await count()).toBe(1)
    })
  })

  it.each(
    [inPeers, inHoldfasts, native].flatMap((stored, index) =>
      transports.map(transport => [transport, ["a peer's store", "Holdfast's store", 'native mode'][index], stored] as const),
    ),
  )('over %s by promises, with %s', async (transport, _name, stored) => {
    const { visitor, socket, count } = await open(major, holdfast, stored)
    const stranger = await socket(transport, '')
    expect((await stranger.emitWithAck('who')).user).toBeUndefined()
    expect(await count()).toBe(0)
    await visitor.get('/in')
    const ada = await socket(transport, visitor.header())
    expect(await ada.emitWithAck('count by promises')).toBe(1)
    expect(await ada.emitWithAck('count by promises')).toBe(2)
    expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ user: 'ada', count: 2 })
    await visitor.get('/out')
    expect(await ada.emitWithAck('count by promises')).toBe('Error: failed to load session')
  })
})
