// The proxy that other tests break connections with: each fault must happen, or those tests prove nothing.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { until } from '../servers/process.ts'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A server that answers each line with `ok <line>`, and a proxy before it. */
async function setUp(): Promise<{ proxy: TcpProxy; seen: string[]; open: (options?: { allowHalfOpen: boolean }) => Promise<Client> }> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', data => {
      for (const line of String(data).trim().split('\n')) {
        seen.push(line)
        socket.write(`ok ${line}\n`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startProxy((server.address() as AddressInfo).port)
  ends.push(
    () => server.close(),
    () => sockets.forEach(socket => void socket.destroy()),
    () => proxy.stop(),
  )
  return { proxy, seen, open: options => openClient(proxy.port, options) }
}

interface Client {
  send(line: string): void
  received(): string
  closed(): boolean
  destroy(): void
}

async function openClient(port: number, options = {}): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  let text = ''
  let closed = false
  socket.on('data', data => {
    text += String(data)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  ends.push(() => socket.destroy())
  await once(socket, 'connect')
  return {
    send: line => void socket.write(`${line}\n`),
    received: () => text,
    closed: () => closed,
    destroy: () => void socket.destroy(),
  }
}

it('passes on both ways, and counts', async () => {
  const { proxy, open } = await setUp()
  const client = await open()
  client.send('a')
  await until('the answer', () => client.received() === 'ok a\n')
  expect([proxy.connections(), proxy.octets()]).toEqual([1, { toServer: 2, toClient: 5 }])
  client.destroy()
  await until('the end', () => proxy.connections() === 0)
})

it('cuts all connections', async () => {
  const { proxy, open } = await setUp()
  const clients = [await open(), await open()]
  await until('both', () => proxy.connections() === 2)
  proxy.cut()
  await until('both ends', () => clients.every(client => client.closed()))
  expect(proxy.connections()).toBe(0)
})

it('cuts the next answer after the server has carried the request out', async () => {
  const { proxy, seen, open } = await setUp()
  const [spared, hit] = [await open(), await open()]
  const cut = proxy.cutNextAnswer(request => request.includes('login'))
  spared.send('hello')
  await until('the answer to another request', () => spared.received() === 'ok hello\n')
  hit.send('login')
  await cut
  await until('the end', () => hit.closed())
  expect([seen, hit.received(), proxy.connections()]).toEqual([['hello', 'login'], '', 1])
  spared.send('login')
  await until('an answer: one call, one cut', () => spared.received() === 'ok hello\nok login\n')
})

it('holds requests until they are released, also those of a client that is gone', async () => {
  const { proxy, seen, open } = await setUp()
  const [patient, gone] = [await open(), await open()]
  proxy.hold()
  patient.send('a')
  gone.send('b')
  gone.destroy()
  const late = await open()
  late.send('c')
  await until('all connections', () => proxy.connections() === 3)
  expect([seen, proxy.octets().toServer]).toEqual([[], 0])
  proxy.release()
  await until('the answers', () => patient.received() === 'ok a\n' && late.received() === 'ok c\n')
  await until('the late request', () => seen.includes('b'))
  await until('its end', () => proxy.connections() === 2)
})

it('holds answers until they are released', async () => {
  const { proxy, seen, open } = await setUp()
  const client = await open()
  proxy.hold('answers')
  client.send('a')
  await until('the request', () => seen.includes('a'))
  client.send('b')
  await until('the next request', () => seen.includes('b'))
  expect([client.received(), proxy.octets().toClient]).toEqual(['', 0])
  proxy.release()
  await until('the answers', () => client.received() === 'ok a\nok b\n')
})

it('refuses new connections, and accepts them again', async () => {
  const { proxy, open } = await setUp()
  const before = await open()
  proxy.refuse()
  await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  before.send('a')
  await until('an answer on an open connection', () => before.received() === 'ok a\n')
  await proxy.accept()
  const after = await open()
  after.send('b')
  await until('an answer', () => after.received() === 'ok b\n')
})

it('passes on a half of the next answer, and breaks its connection', async () => {
  const { proxy, seen, open } = await setUp()
  const [spared, hit] = [await open(), await open()]
  const cut = proxy.truncateNextAnswer(request => request.includes('login'))
  spared.send('hello')
  await until('the answer to another request', () => spared.received() === 'ok hello\n')
  hit.send('login')
  await cut
  await until('the end', () => hit.closed())
  expect([seen, hit.received(), proxy.connections()]).toEqual([['hello', 'login'], 'ok l', 1])
})

it('delays what comes both ways, in its order, until it is told not to', async () => {
  const { proxy, seen, open } = await setUp()
  const client = await open()
  proxy.delay(50)
  const began = performance.now()
  client.send('a')
  await until('the answer', () => client.received() === 'ok a\n')
  expect(performance.now() - began).toBeGreaterThanOrEqual(99)
  proxy.delay(1e6)
  client.send('b')
  await until('it waits', () => proxy.waiting() === 1)
  client.send('c')
  await until('the next one waits behind it', () => proxy.waiting() === 2)
  proxy.delay(0)
  await until('the answers', () => client.received() === 'ok a\nok b\nok c\n')
  expect(seen).toEqual(['a', 'b', 'c'])
})

it('loses what comes, for good on the connections that are lost, and tells nobody of an end', async () => {
  const { proxy, seen, open } = await setUp()
  const before = await open()
  before.send('a')
  await until('the answer', () => before.received() === 'ok a\n')
  proxy.lose()
  const meanwhile = await open()
  before.send('b')
  meanwhile.send('c')
  await until('both are lost', () => proxy.lost() === 2)
  proxy.pass()
  const after = await open()
  before.send('d')
  meanwhile.send('e')
  after.send('f')
  await until('the answer on a new connection', () => after.received() === 'ok f\n')
  before.destroy()
  await until('it has been given up', () => proxy.lost() === 1)
  expect([seen, before.received(), meanwhile.received(), meanwhile.closed()]).toEqual([['a', 'f'], 'ok a\n', '', false])
})

it('ends the direction of requests alone: what was asked before is answered, what is asked after never arrives', async () => {
  const { proxy, seen, open } = await setUp()
  const client = await open()
  proxy.hold('answers')
  client.send('a')
  await until('the request', () => seen.includes('a'))
  proxy.halfClose('requests')
  client.send('b')
  proxy.release()
  await until('the answer, and the end of a server that is told of one', () => client.received() === 'ok a\n' && client.closed())
  expect(seen).toEqual(['a'])
})

it('ends the direction of answers alone: the server goes on hearing', async () => {
  const { proxy, seen, open } = await setUp()
  const client = await open({ allowHalfOpen: true })
  client.send('a')
  await until('the answer', () => client.received() === 'ok a\n')
  proxy.halfClose('answers')
  client.send('b')
  await until('the request', () => seen.includes('b'))
  expect(client.received()).toBe('ok a\n')
})
