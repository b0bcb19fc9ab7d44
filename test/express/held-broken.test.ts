// While an answer is held, connections break, clients leave and servers lose their patience. What a handler sees then is what Node
// shows on a bare response, and nothing crashes or is left.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished, getDefaultHighWaterMark, pipeline, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldResponse } from '../../src/express/held-response.ts'
import { allHosts } from '../support/express/hosts.ts'
import { appOf, ask, deferred, Gate, type Handler, raw, type Storing, serve, turns } from './exchange.ts'

vi.setConfig({ testTimeout: 10_000 })

// What nobody has caught would end a process.
const uncaught: unknown[] = []
const catcher = (error: unknown) => void uncaught.push(error)
beforeEach(() => {
  uncaught.length = 0
  process.on('unhandledRejection', catcher)
  process.on('uncaughtException', catcher)
})
afterEach(() => {
  process.off('unhandledRejection', catcher)
  process.off('uncaughtException', catcher)
  expect(uncaught).toEqual([])
})

describe.each(allHosts)('%s', host => {
  const first: Record<string, Handler> = {
    end: res => res.end('x'),
    'end with nothing': res => res.end(),
    write: res => res.write('x'),
    'writeHead and end': res => res.writeHead(200).end('x'),
    'writeHead and flushHeaders': res => {
      res.writeHead(200)
      res.flushHeaders()
    },
    flushHeaders: res => res.flushHeaders(),
    'a pipe': res => void Readable.from(['x']).pipe(res),
    'a pipeline': res => pipeline(Readable.from(['x']), res, () => undefined),
    'a 304': res => res.writeHead(304).end(),
    'a corked write': res => {
      res.cork()
      res.write('x')
      res.uncork()
    },
  }
  it.each(Object.keys(first).flatMap(name => ['GET', 'HEAD'].map(method => [name, method] as const)))(
    'no octet leaves before the session is stored: %s, %s',
    async (name, method) => {
      const gate = new Gate()
      let held: ServerResponse | undefined
      const handler: Handler = res => {
        held = res
        return (first[name] as Handler)(res, () => undefined, undefined as never, undefined)
      }
      const client = raw(await serve(appOf(host, handler, gate.hold)), ask(method))
      await gate.reached.promise
      await turns(10)
      expect(held?.headersSent).toBe(true)
      expect(held?.socket?.bytesWritten).toBe(0)
      expect(gate.heads).toBe(1)
      gate.head.resolve()
      gate.end.resolve()
      // To a HEAD Node sends the head with the end.
      held?.end()
      await client.until('HTTP/1.1 ')
    },
  )

  it('interim answers do not wait', async () => {
    const gate = new Gate()
    const handler: Handler = res => {
      res.end('x')
      res.writeProcessing()
    }
    const client = raw(await serve(appOf(host, handler, gate.hold)), ask())
    await client.until('HTTP/1.1 102 Processing\r\n\r\n')
    gate.head.resolve()
    expect(await client.closed).toMatch(/^HTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 200 /)
  })

  it('the end waits for what was changed after the first octet', async () => {
    const gate = new Gate()
    gate.head.resolve()
    const handler: Handler = res => {
      res.write('begun')
      setImmediate(() => res.end('done'))
    }
    const client = raw(await serve(appOf(host, handler, gate.hold)), ask())
    await client.until('begun')
    await turns(20)
    expect(client.text()).not.toContain('done')
    expect(gate.ends).toBe(1)
    gate.end.resolve()
    expect(await client.closed).toContain('done')
  })
})

it('what a response says of itself while it is held', async () => {
  const gate = new Gate()
  const seen: unknown[] = []
  const client = raw(
    await serve(
      appOf(
        'node:http',
        res => {
          const look = () => {
            const { headersSent, writableEnded, finished, writableFinished, writableNeedDrain, writableCorked, writableLength } = res
            const { writableHighWaterMark, destroyed } = res
            seen.push({ headersSent, writableEnded, finished, writableFinished, writableNeedDrain, writableCorked, writableLength })
            expect([writableHighWaterMark, destroyed]).toEqual([getDefaultHighWaterMark(false), false])
          }
          look()
          res.flushHeaders()
          look()
          expect(res.write('one')).toBe(false)
          look()
          res.cork()
          look()
          res.uncork()
          res.uncork()
          expect(res.end('two')).toBe(res)
          look()
          res.on('finish', look)
        },
        gate.hold,
      ),
    ),
    ask(),
  )
  await gate.reached.promise
  gate.head.resolve()
  gate.end.resolve()
  await client.closed
  const fresh = { headersSent: false, writableEnded: false, finished: false, writableFinished: false, writableNeedDrain: false }
  const held = { ...fresh, writableCorked: 0, writableLength: 0 }
  expect(seen).toEqual([
    held,
    { ...held, headersSent: true },
    { ...held, headersSent: true, writableNeedDrain: true },
    { ...held, headersSent: true, writableNeedDrain: true, writableCorked: 1 },
    { ...held, headersSent: true, writableEnded: true, finished: true },
    { ...held, headersSent: true, writableEnded: true, finished: true, writableFinished: true },
  ])
})

it('prefinish, callbacks, finish and close come in this order', async () => {
  const order: string[] = []
  const handler: Handler = res => {
    for (const name of ['prefinish', 'finish', 'close']) res.on(name, () => order.push(name))
    res.write('x', () => order.push('written'))
    res.end('y', () => order.push('ended'))
  }
  const sequences: string[][] = []
  for (const storing of ['not at all', 'later'] as Storing[]) {
    const gate = new Gate()
    gate.head.resolve()
    gate.end.resolve()
    const hold = storing === 'later' ? gate.hold : (_req: unknown, _res: unknown, next: () => void) => next()
    await raw(await serve(appOf('node:http', handler, hold)), ask()).closed
    sequences.push(order.splice(0))
  }
  expect(sequences[1]).toEqual(sequences[0])
})

describe('who has to wait', () => {
  it('writes 10 MB by a pipe, no faster than the client reads', async () => {
    const piece = Buffer.alloc(64 * 1024, 'abcdefgh')
    const count = 160
    let read = 0
    async function* pieces() {
      for (; read < count; read++) yield piece
    }
    const gate = new Gate()
    const port = await serve(appOf('node:http', res => void Readable.from(pieces(), { highWaterMark: 1 }).pipe(res), gate.hold))
    const client = raw(port, ask())
    client.socket.pause()
    await gate.reached.promise
    await turns(50)
    // One has been written, and what the source reads ahead waits: it was told to.
    expect(read).toBeLessThan(5)
    gate.head.resolve()
    gate.end.resolve()
    await turns(200)
    expect(read).toBeLessThan(count)
    client.socket.resume()
    const text = await client.closed
    expect(text.length).toBeGreaterThan(count * piece.length)
    expect(text.split('abcdefgh')).toHaveLength((count * piece.length) / 8 + 1)
    expect(read).toBe(count)
  })

  it('writes 10 MB by a pipeline', async () => {
    const gate = new Gate()
    const outcome = deferred()
    const pieces = Array.from({ length: 160 }, () => Buffer.alloc(64 * 1024, 'x'))
    const port = await serve(appOf('node:http', res => pipeline(Readable.from(pieces), res, outcome.resolve), gate.hold))
    const client = raw(port, ask())
    await gate.reached.promise
    gate.head.resolve()
    gate.end.resolve()
    expect((await client.closed).split('x'.repeat(64 * 1024))).toHaveLength(161)
    expect(await outcome.promise).toBeUndefined()
  })

  it.each(['waits', 'needs no time'])('is told to go on once, and not after its end, which %s', async how => {
    for (const ends of [false, true]) {
      const gate = new Gate()
      const hold = (_req: unknown, res: ServerResponse, next: () => void) => {
        const beforeHead = () => {
          gate.reached.resolve()
          return gate.head.promise
        }
        new HeldResponse(res, { beforeHead, beforeEnd: () => (how === 'waits' ? gate.end.promise : undefined), failed: next })
        next()
      }
      let drains = 0
      let res: ServerResponse | undefined
      const handler: Handler = own => {
        res = own
        own.on('drain', () => drains++)
        own.write('one')
        own.write('two')
        if (ends) own.end()
      }
      const client = raw(await serve(appOf('node:http', handler, hold)), ask())
      await gate.reached.promise
      gate.head.resolve()
      gate.end.resolve()
      await client.until('two')
      await turns(5)
      expect(drains).toBe(ends ? 0 : 1)
      res?.end()
      await client.closed
    }
  })
})

describe('a client that leaves while its answer is held', () => {
  it.each([true, false])('gets nothing, and the handler is told as on a bare response (stored in the end: %s)', async stored => {
    const gate = new Gate()
    const said: string[] = []
    const handler: Handler = res => {
      for (const name of ['finish', 'close', 'error']) res.on(name, () => said.push(name))
      res.write('x', error => said.push(`written: ${(error as { code?: string })?.code}`))
      res.end('y', () => said.push('ended'))
    }
    const client = raw(await serve(appOf('node:http', handler, gate.hold, { atErrors: quietly })), ask())
    await gate.reached.promise
    client.socket.destroy()
    while (!said.includes('close')) await turns(1)
    expect(said).toEqual(['close'])
    if (stored) gate.head.resolve()
    else gate.head.reject(new Error('no store'))
    gate.end.resolve()
    await turns(10)
    expect(said).toEqual(['close', stored ? 'written: ERR_STREAM_DESTROYED' : 'written: undefined', ...(stored ? [] : ['ended'])])
    expect(gate.failures).toHaveLength(stored ? 0 : 1)
  })

  it('ends a pipeline, and its source', async () => {
    const gate = new Gate()
    const outcome = deferred()
    const source = new Readable({ read() {} })
    source.push('x')
    const client = raw(await serve(appOf('node:http', res => pipeline(source, res, outcome.resolve), gate.hold)), ask())
    await gate.reached.promise
    client.socket.destroy()
    expect(await outcome.promise).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    expect(source.destroyed).toBe(true)
    gate.head.resolve()
    await turns(5)
  })

  it('is no success for who watches the response', async () => {
    const gate = new Gate()
    const outcome = deferred()
    const handler: Handler = res => {
      res.end('x')
      finished(res, outcome.resolve)
    }
    const client = raw(await serve(appOf('node:http', handler, gate.hold)), ask())
    await gate.reached.promise
    client.socket.destroy()
    expect(await outcome.promise).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
    gate.head.resolve()
  })
})

it('a response that its handler destroys while it is held', async () => {
  const gate = new Gate()
  const handler: Handler = res => {
    res.end('x')
    res.destroy()
  }
  const client = raw(await serve(appOf('node:http', handler, gate.hold)), ask())
  expect(await client.closed).toBe('')
  gate.head.resolve()
  await turns(10)
})

it('a socket that fails while the answer is held', async () => {
  const gate = new Gate()
  const handler: Handler = res => {
    res.write('x')
    res.socket?.destroy(new Error('cable cut'))
  }
  const client = raw(await serve(appOf('node:http', handler, gate.hold)), ask())
  expect(await client.closed).toBe('')
  gate.head.resolve()
  await turns(10)
})

it('a server that loses its patience while the answer is held', async () => {
  const gate = new Gate()
  const port = await serve(
    appOf('node:http', res => res.end('x'), gate.hold),
    server => server.setTimeout(50),
  )
  expect(await raw(port, ask()).closed).toBe('')
  gate.head.resolve()
  await turns(10)
})

it('a response whose own timeout runs out while it is held', async () => {
  const gate = new Gate()
  const handler: Handler = res => {
    res.setTimeout(20, () => gate.head.resolve())
    res.end('x')
  }
  expect(await raw(await serve(appOf('node:http', handler, gate.hold)), ask()).closed).toContain('x')
})

it('requests behind each other on one connection are answered in their order', async () => {
  const gates: Record<string, Gate> = { '/1': new Gate(), '/2': new Gate(), '/3': new Gate() }
  const hold = (req: IncomingMessage, res: ServerResponse, next: () => void) => (gates[req.url as string] as Gate).hold(req, res, next)
  const port = await serve(appOf('node:http', (res, _say, req) => res.end(`answer ${req.url}`), hold))
  const piped = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  const client = raw(port, piped('/1') + piped('/2') + ask('GET', '/3'))
  for (const gate of Object.values(gates)) await gate.reached.promise
  for (const path of ['/3', '/2']) {
    gates[path]?.head.resolve()
    await turns(5)
    expect(client.text()).toBe('')
  }
  gates['/1']?.head.resolve()
  expect((await client.closed).match(/answer \/\d/g)).toEqual(['answer /1', 'answer /2', 'answer /3'])
})

it('copes with what stands for a response at the handshake of a WebSocket', async () => {
  for (const fails of [false, true]) {
    const gate = new Gate()
    const calls: string[] = []
    const headers: Record<string, unknown> = {}
    class StandIn {
      setHeader(name: string, value: unknown): void {
        headers[name] = value
      }
      getHeader = (name: string) => headers[name]
      removeHeader = (name: string) => void delete headers[name]
      write(): void {
        calls.push('write')
      }
      writeHead(): void {
        calls.push('writeHead')
      }
      end(): void {
        calls.push('end')
      }
    }
    const res = new StandIn() as unknown as ServerResponse
    const held = gate.guard(res, () => undefined)
    // As engine.io calls it, for those who wait for it.
    ;(res.writeHead as unknown as () => void)()
    expect(calls).toEqual(['writeHead'])
    expect(held.headSent).toBe(false)
    held.headers.set('set-cookie', 'a=1')
    expect(headers).toEqual({ 'set-cookie': 'a=1' })
    res.write('x')
    res.end()
    if (fails) gate.head.reject(new Error('no store'))
    else gate.head.resolve()
    gate.end.resolve()
    await turns(5)
    expect(calls).toEqual(fails ? ['writeHead'] : ['writeHead', 'write', 'end'])
    expect(gate.failures).toHaveLength(fails ? 1 : 0)
  }
})

it('leaves nothing but its own four methods on a response that has ended', async () => {
  const own: string[] = []
  const handler: Handler = async res => {
    res.end('x')
    await once(res, 'close')
    own.push(...Object.keys(res))
  }
  const methods = ['write', 'end', 'writeHead', 'flushHeaders']
  const gate = new Gate()
  gate.head.resolve()
  await raw(await serve(appOf('node:http', handler, gate.hold)), ask()).closed
  await turns(3)
  for (const name of ['headersSent', 'writableEnded', 'writableFinished', 'setHeader', 'cork']) expect(own).not.toContain(name)
  for (const name of methods) expect(own).toContain(name)
})

const quietly = (_error: unknown, _req: IncomingMessage, res: ServerResponse, _next: unknown) => res.end()
