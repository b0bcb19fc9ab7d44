// A TCP proxy on loopback for tests of faults: it breaks connections after the server has carried a request out and before the answer
// arrives, holds requests or answers back, refuses, and counts.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  port: number
  /** How many connections are open. */
  connections(): number
  /** Octets passed on so far. */
  octets(): { toServer: number; toClient: number }
  /** Breaks all connections, both ways. */
  cut(): void
  /**
   * Lets the next request through, and breaks its connection once the server has begun to answer it: it has been carried out, and
   * nobody is told. `which` sees what the client has sent since the last answer, and chooses; so handshakes can be spared.
   * Each call stands for one cut. Resolves when it has happened.
   */
  cutNextAnswer(which?: (request: Buffer) => boolean): Promise<void>
  /** Keeps what comes, and passes nothing on until `release()`, which delivers also what a client that is gone by then has sent. */
  hold(what?: 'requests' | 'answers'): void
  release(): void
  /** Takes no new connections; those that are open stay. */
  refuse(): void
  accept(): Promise<void>
  stop(): Promise<void>
}

interface Link {
  client: Socket
  server: Socket
  /** What the client has sent since the last answer. */
  request: Buffer[]
  held: { requests: (() => void)[]; answers: (() => void)[] }
}

interface Cut {
  which: (request: Buffer) => boolean
  done: () => void
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>()
  const cuts: Cut[] = []
  const holding = { requests: false, answers: false }
  const passed = { toServer: 0, toClient: 0 }

  const destroy = (link: Link) => {
    links.delete(link)
    link.client.destroy()
    link.server.destroy()
  }
  const deliver = (link: Link, what: 'requests' | 'answers', action: () => void) => {
    if (holding[what]) link.held[what].push(action)
    else action()
  }

  const listener = createServer({ allowHalfOpen: true }, client => {
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const link: Link = { client, server, request: [], held: { requests: [], answers: [] } }
    links.add(link)
    client.setNoDelay()
    server.setNoDelay()

    client.on('data', chunk => {
      link.request.push(chunk)
      deliver(link, 'requests', () => {
        passed.toServer += chunk.length
        server.write(chunk)
      })
    })
    server.on('data', chunk => {
      const request = Buffer.concat(link.request.splice(0))
      const chosen = cuts.findIndex(cut => cut.which(request))
      if (chosen >= 0) {
        const [cut] = cuts.splice(chosen, 1)
        destroy(link)
        cut?.done()
        return
      }
      deliver(link, 'answers', () => {
        passed.toClient += chunk.length
        client.write(chunk)
      })
    })
    // One side's end is the other's, after all that it has sent. A broken connection ends likewise: what is on its way arrives.
    for (const name of ['end', 'close'] as const) client.on(name, () => deliver(link, 'requests', () => server.end()))
    for (const name of ['end', 'close'] as const) server.on(name, () => deliver(link, 'answers', () => client.end()))
    client.on('close', () => server.closed && links.delete(link))
    server.on('close', () => client.closed && links.delete(link))
    client.on('error', () => {})
    server.on('error', () => {})
  })
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1')
    await once(listener, 'listening')
  }
  const cut = () => {
    for (const link of [...links]) destroy(link)
  }
  await listen(0)
  const { port } = listener.address() as AddressInfo

  return {
    port,
    connections: () => links.size,
    octets: () => ({ ...passed }),
    cut,
    cutNextAnswer: (which = () => true) => new Promise(done => cuts.push({ which, done })),
    hold(what = 'requests') {
      holding[what] = true
    },
    release() {
      for (const what of ['requests', 'answers'] as const) {
        holding[what] = false
        for (const { held } of links) for (const action of held[what].splice(0)) action()
      }
    },
    refuse() {
      listener.close()
    },
    accept: () => listen(port),
    async stop() {
      cut()
      if (listener.listening) await new Promise(resolve => listener.close(resolve))
    },
  }
}
