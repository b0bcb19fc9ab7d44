// A TCP proxy on loopback for tests of faults: it breaks connections after the server has carried a request out and before the answer
// arrives, or in the middle of it, holds requests or answers back, delays or loses them, ends one direction only, refuses, and counts.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Lane, type Traffic } from './lane.ts'

type Direction = 'requests' | 'answers'
const DIRECTIONS: readonly Direction[] = ['requests', 'answers']

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
  /** The same, after half of what the server has said at once has been passed on. */
  truncateNextAnswer(which?: (request: Buffer) => boolean): Promise<void>
  /** Keeps what comes, and passes nothing on until `release()`, which delivers also what a client that is gone by then has sent. */
  hold(what?: Direction): void
  release(): void
  /** Lets all that comes from now on wait for so long; 0: no longer, nor what waits already. */
  delay(ms: number): void
  /** How much of what has come waits to be passed on: requests and answers in as many pieces as they came. */
  waiting(): number
  /** Loses all that comes, ends too: to either side the other one is there, and says nothing. */
  lose(): void
  /** Connections that are made from now on work. Those that were open at `lose()`, or made since, stay lost. */
  pass(): void
  /** How many connections are lost, and their clients have not given them up. */
  lost(): number
  /** Ends one direction of all connections, after what has been passed on; the other one stays. */
  halfClose(what: Direction): void
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
  lanes: Record<Direction, Lane>
  lost: boolean
}

interface Cut {
  which: (request: Buffer) => boolean
  /** What of the answer is passed on. */
  share: number
  done: () => void
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>()
  const cuts: Cut[] = []
  const traffic: Record<Direction, Traffic> = { requests: { held: false, delayMs: 0 }, answers: { held: false, delayMs: 0 } }
  const passed = { toServer: 0, toClient: 0 }
  let losing = false

  const destroy = (link: Link, last?: Buffer) => {
    links.delete(link)
    link.server.destroy()
    if (!last?.length) {
      link.client.destroy()
      return
    }
    passed.toClient += last.length
    link.client.end(last, () => link.client.destroy())
  }
  const pump = () => {
    for (const { lanes } of links) for (const what of DIRECTIONS) lanes[what].pump()
  }
  const expectCut = (which: Cut['which'] = () => true, share = 0) => new Promise<void>(done => cuts.push({ which, share, done }))

  const listener = createServer({ allowHalfOpen: true }, client => {
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const lanes = { requests: new Lane(traffic.requests), answers: new Lane(traffic.answers) }
    const link: Link = { client, server, request: [], lanes, lost: losing }
    links.add(link)
    client.setNoDelay()
    server.setNoDelay()

    client.on('data', chunk => {
      if (link.lost) return
      link.request.push(chunk)
      lanes.requests.add(() => {
        if (link.lost || !server.writable) return
        passed.toServer += chunk.length
        server.write(chunk)
      })
    })
    server.on('data', chunk => {
      if (link.lost) return
      const request = Buffer.concat(link.request.splice(0))
      const chosen = cuts.findIndex(cut => cut.which(request))
      if (chosen >= 0) {
        const [cut] = cuts.splice(chosen, 1)
        destroy(link, chunk.subarray(0, Math.floor(chunk.length * (cut?.share ?? 0))))
        cut?.done()
        return
      }
      lanes.answers.add(() => {
        if (link.lost || !client.writable) return
        passed.toClient += chunk.length
        client.write(chunk)
      })
    })
    // One side's end is the other's, after all that it has sent. A broken connection ends likewise: what is on its way arrives.
    for (const name of ['end', 'close'] as const) client.on(name, () => lanes.requests.add(() => link.lost || server.end()))
    for (const name of ['end', 'close'] as const) server.on(name, () => lanes.answers.add(() => link.lost || client.end()))
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
    cutNextAnswer: which => expectCut(which),
    truncateNextAnswer: which => expectCut(which, 0.5),
    hold(what = 'requests') {
      traffic[what].held = true
    },
    release() {
      for (const what of DIRECTIONS) traffic[what].held = false
      pump()
    },
    delay(ms) {
      for (const what of DIRECTIONS) traffic[what].delayMs = ms
      pump()
    },
    waiting: () => [...links].reduce((sum, { lanes }) => sum + lanes.requests.waiting + lanes.answers.waiting, 0),
    lose() {
      losing = true
      for (const link of links) link.lost = true
    },
    pass() {
      losing = false
    },
    lost: () => [...links].filter(({ lost, client }) => lost && client.readable).length,
    halfClose(what) {
      for (const { client, server } of links) (what === 'requests' ? server : client).end()
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
