// The same promise over HTTP/2's compatibility API: frames have no order of octets to compare, but heads, bodies, trailers, interim
// answers and all that the handler is told.
import { once } from 'node:events'
import { connect, createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { pipeline, Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { HeldResponse } from '../../src/express/held-response.ts'
import { attempt, Gate, type Say, type Storing, turns } from './exchange.ts'

vi.setConfig({ testTimeout: 5000 })

/** Node's types forget one method. */
type Response = Http2ServerResponse & { flushHeaders(): void }
type Handler = (res: Response, say: Say, req: Http2ServerRequest) => unknown

const warnings: string[] = []
const note = (warning: Error) => void warnings.push(warning.message)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})
afterEach(() => void process.off('warning', note))

const code = (error: unknown) => (error as { code?: string } | undefined)?.code ?? 'none'

const handlers: Record<string, Handler> = {
  'end with a text': (res, say) => void res.end('hello', () => say('callback')),
  'end with nothing': res => {
    res.statusCode = 204
    res.end()
  },
  'end twice': (res, say) => {
    res.end('one', () => say('first'))
    res.end('two', () => say('second'))
  },
  'several writes': (res, say) => {
    res.setHeader('x-a', '1')
    res.write('one,', () => say('one'))
    res.write(Buffer.from('two,'))
    res.end('three', () => say('end'))
  },
  'writeHead with an object': res => res.writeHead(201, { 'x-a': '1', 'set-cookie': ['a=1', 'b=2'] }).end('x'),
  'writeHead with a list': res => res.writeHead(201, ['x-a', '1', 'x-b', '2'] as never).end('x'),
  'writeHead and a body much later': async res => {
    res.writeHead(203, { 'x-a': '1' })
    await turns(20)
    res.end('x')
  },
  'writeHead twice': (res, say) => {
    res.writeHead(200)
    attempt(say, 'second', () => res.writeHead(201))
    res.end('x')
  },
  'writeHead with a bad header': (res, say) => {
    attempt(say, 'bad', () => res.writeHead(200, { 'x-a': undefined } as never))
    res.end('x')
  },
  'setHeader after end': (res, say) => {
    res.end('x')
    say('flags', [res.headersSent, res.writableEnded, res.finished])
    for (const work of [() => res.setHeader('x-late', '1'), () => res.appendHeader('x-late', '1'), () => res.removeHeader('x-late')])
      attempt(say, 'late', work)
  },
  'flushHeaders, then a body': async res => {
    res.flushHeaders()
    await turns(20)
    res.end('x')
  },
  'interim answers': res => {
    res.writeContinue()
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.end('x')
  },
  trailers: res => {
    res.write('body')
    res.addTrailers({ 'x-sum': '4' })
    res.end()
  },
  'corked writes': res => {
    res.cork()
    res.write('one,')
    res.write('two,')
    res.uncork()
    res.end('three')
  },
  'a pipe of much': res => void Readable.from([Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')]).pipe(res),
  'a pipeline': (res, say) => pipeline(Readable.from(['a', 'b']), res, error => say('pipeline', error?.message ?? 'done')),
  'a 304': res => {
    res.statusCode = 304
    res.end('nobody sees it')
  },
  'a bad chunk': (res, say) => {
    attempt(say, 'bad', () => res.write(17 as never))
    res.end('x')
  },
  'a broken stream': res => {
    res.write('begun')
    setTimeout(() => res.stream.close(), 30)
  },
}

interface Run {
  events: unknown[]
  body: string
  said: string[]
}

async function exchange(listener: (req: Http2ServerRequest, res: Http2ServerResponse) => void, method: string) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  onTestFinished(() => {
    session.destroy()
    server.close()
  })
  const stream = session.request({ ':method': method, ':path': '/' })
  const events: unknown[] = []
  let body = ''
  for (const name of ['headers', 'response', 'trailers'])
    stream.on(name, headers => events.push([name, Object.fromEntries(Object.entries(headers))]))
  stream.setEncoding('latin1').on('data', piece => (body += piece))
  stream.on('error', error => events.push(code(error)))
  return { stream, events, text: () => body }
}

async function run(handler: Handler, storing: Storing, method: string): Promise<Run> {
  const said: string[] = []
  const say: Say = (what, value) => said.push(value === undefined ? what : `${what}: ${JSON.stringify(value)}`)
  const wait = () => (storing === 'later' ? turns(5) : undefined)
  const { stream, events, text } = await exchange((req, res) => {
    res.sendDate = false
    for (const name of ['finish', 'close', 'error']) res.on(name, () => say(name))
    const failed = (error: unknown) => {
      throw error
    }
    if (storing !== 'not at all') new HeldResponse(res as never, { beforeHead: wait, beforeEnd: wait, failed })
    attempt(say, 'handler', () => handler(res as Response, say, req))
  }, method)
  stream.end()
  await once(stream, 'close')
  // To a HEAD Node may say nothing more: then neither do we.
  for (let i = 0; i < 100 && !said.includes('close'); i++) await turns(1)
  return { events, body: text(), said }
}

it.each(Object.keys(handlers).flatMap(name => ['GET', 'HEAD'].map(method => [name, method] as const)))('%s, %s', async (name, method) => {
  const handler = handlers[name] as Handler
  const bare = await run(handler, 'not at all', method)
  expect(bare.events.length).toBeGreaterThan(0)
  expect(await run(handler, 'at once', method)).toEqual(bare)
  expect(await run(handler, 'later', method)).toEqual(bare)
  expect(warnings.filter(text => /status message/i.test(text))).toEqual([])
})

it.each(['end', 'write', 'writeHead', 'flushHeaders'] as const)(
  'nothing but interim answers leaves before the gate opens: %s',
  async how => {
    const gate = new Gate()
    const { stream, events } = await exchange((_req, res) => {
      gate.guard(res as never, () => undefined)
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      if (how === 'writeHead') res.writeHead(200)
      else if (how === 'write') res.write('x')
      else (res as Response)[how]()
    }, 'GET')
    await gate.reached.promise
    // A ping that comes back has overtaken nothing: frames of one connection keep their order.
    await new Promise<void>(resolve => stream.session?.ping(() => resolve()))
    expect(events.map(event => (event as string[])[0])).toEqual(['headers'])
    gate.head.resolve()
    await once(stream, 'response')
  },
)

it('drops what was held when the save fails, and lets the answer to that out', async () => {
  const gate = new Gate()
  gate.head.reject(new Error('no store'))
  const { stream, events, text } = await exchange((_req, res) => {
    res.sendDate = false
    res.setHeader('x-before', '1')
    gate.guard(res as never, async () => {
      await turns(3)
      res.statusCode = 500
      res.setHeader('x-error', '1')
      res.end('sorry')
    })
    res.writeHead(201, { 'x-mine': '1' })
    res.write('fine')
    setImmediate(() => res.end('really'))
  }, 'GET')
  await once(stream, 'close')
  expect(events).toEqual([['response', { ':status': 500, 'x-before': '1', 'x-error': '1' }]])
  expect(text()).toBe('sorry')
  expect(gate.failures).toHaveLength(1)
})
