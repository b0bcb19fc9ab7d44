// Each handler answers three times: on a bare response, on one whose session needs no time, and on one whose session is stored later.
// What reaches the client must be the same, octet by octet, and so must what the handler is told: return values, flags, errors,
// callbacks and events.
import { pipeline, Readable } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { allHosts } from '../support/express/hosts.ts'
import { attempt, type Handler, joined, type Run, threeTimes, turns, withoutDrain } from './exchange.ts'

vi.setConfig({ testTimeout: 5000 })

const code = (error: unknown) => (error as { code?: string } | undefined)?.code ?? 'none'

const handlers: Record<string, Handler> = {
  'end with a text': res => res.setHeader('x-a', '1').end('hello'),
  'end with nothing': res => res.writeHead(204).end(),
  'end with a callback': (res, say) => res.end('hello', () => say('callback')),
  'end with nothing but a callback': (res, say) => res.end(() => say('callback')),
  'end with an encoding and a callback': (res, say) => res.end('aGVsbG8=', 'base64', () => say('callback')),
  'end twice': (res, say) => {
    res.end('one', () => say('first'))
    res.end('two', (error?: Error) => say('second', code(error)))
  },
  'end twice, with nothing': (res, say) => {
    res.end('one', () => say('first'))
    res.end((error?: Error) => say('second', code(error)))
  },
  'write after end': (res, say) => {
    res.end('one')
    res.write('two', error => say('callback', code(error)))
  },
  'flags after end': (res, say) => {
    const flags = () => ({ headersSent: res.headersSent, writableEnded: res.writableEnded, finished: res.finished })
    say('before', flags())
    res.end('x')
    say('after', flags())
  },
  'flags after write': (res, say) => {
    res.write('x')
    const { headersSent, writableEnded, finished, writableHighWaterMark, writableFinished, destroyed } = res
    say('flags', { headersSent, writableEnded, finished, writableHighWaterMark, writableFinished, destroyed })
    res.end()
  },
  'setHeader after end': (res, say) => {
    res.end('x')
    for (const work of [
      () => res.setHeader('x-late', '1'),
      () => res.setHeaders(new Map([['x-late', '1']])),
      () => res.appendHeader('x-late', '1'),
      () => res.removeHeader('x-late'),
      () => res.writeHead(404),
      () => res.flushHeaders(),
    ])
      attempt(say, 'late', work)
  },
  'status after end': res => {
    res.end('x')
    res.statusCode = 500
    res.statusMessage = 'never seen'
  },
  'several writes': (res, say) => {
    res.write('one,', () => say('one'))
    res.write(Buffer.from('two,'), () => say('two'))
    res.write('MywK', 'base64', () => say('three'))
    res.end('four', 'utf8', () => say('end'))
  },
  'empty writes': res => {
    res.write('')
    res.write(new Uint8Array(0))
    res.end('')
  },
  'writes with a length': res => {
    res.setHeader('content-length', '8')
    res.write('one,')
    res.end('four')
  },
  'writeHead with an object': res => res.writeHead(201, { 'X-Case': 'kept', 'set-cookie': ['a=1', 'b=2'] }).end('x'),
  'writeHead with a message': res => res.writeHead(201, 'Very good', { 'content-type': 'text/plain' }).end('x'),
  'writeHead with a message alone': res => res.writeHead(404, 'Not here').end('x'),
  'writeHead with a list': res => res.writeHead(200, ['x-a', '1', 'x-b', '2'] as never).end('x'),
  'writeHead with a list and a message': res => res.writeHead(200, 'Well', ['x-a', '1', 'set-cookie', 'a=1']).end('x'),
  'writeHead with a list of many': res => res.writeHead(200, ['x-a', ['1', '2'], 'set-cookie', ['a=1', 'b=2']] as never).end('x'),
  'writeHead with an odd list': (res, say) => {
    attempt(say, 'odd', () => res.writeHead(200, ['x-a', '1', 'x-b'] as never))
    res.end('x')
  },
  'writeHead over setHeader': res => {
    res.setHeader('x-a', '1')
    res.writeHead(200, { 'x-a': '2', 'x-c': '3' })
    res.end('x')
  },
  'writeHead over a status': res => {
    res.statusCode = 404
    res.statusMessage = 'Kept'
    res.writeHead(201).end('x')
  },
  'writeHead and nothing for a while': async (res, say) => {
    res.writeHead(200, { 'x-a': '1' })
    say('flags', [res.headersSent, res.writableEnded])
    await turns(3)
    res.end('x')
  },
  'writeHead twice': (res, say) => {
    res.writeHead(200)
    attempt(say, 'second', () => res.writeHead(201))
    res.end('x')
  },
  'writeHead after write': (res, say) => {
    res.write('x')
    attempt(say, 'late', () => res.writeHead(201))
    res.end('x')
  },
  'writeHead with a bad status': (res, say) => {
    attempt(say, 'bad', () => res.writeHead(1000))
    attempt(say, 'bad', () => res.writeHead('no' as never))
    res.end('x')
  },
  'writeHead with a bad message': (res, say) => {
    res.setHeader('x-a', '1')
    attempt(say, 'bad', () => res.writeHead(200, 'a\r\nb'))
    res.statusMessage = 'good'
    res.end('x')
  },
  'writeHead with a bad header': (res, say) => {
    attempt(say, 'bad', () => res.writeHead(200, { 'x-a': 'b\nc' }))
    attempt(say, 'none', () => res.writeHead(200, { 'x-a': undefined }))
    res.end('x')
  },
  'headersSent after writeHead': (res, say) => {
    res.writeHead(200)
    say('sent', res.headersSent)
    attempt(say, 'late', () => res.setHeader('x-late', '1'))
    res.end()
  },
  'flushHeaders, then a body': res => {
    res.setHeader('x-a', '1')
    res.flushHeaders()
    res.end('body')
  },
  'flushHeaders after writeHead': async res => {
    res.writeHead(201, { 'x-a': '1' })
    res.flushHeaders()
    await turns(10)
    res.end('body')
  },
  'no date, no keep-alive': res => {
    res.shouldKeepAlive = false
    res.removeHeader('connection')
    res.end('x')
  },
  'interim answers': res => {
    res.writeContinue()
    res.writeProcessing()
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.end('x')
  },
  trailers: (res, _say, req) => {
    if (req.method === 'HEAD') return res.end()
    res.setHeader('trailer', 'x-sum')
    res.write('body')
    res.addTrailers({ 'x-sum': '4' })
    res.end()
    res.addTrailers({ 'x-sum': 'too late' })
  },
  'trailers before the body': (res, _say, req) => {
    if (req.method === 'HEAD') return res.end()
    res.setHeader('trailer', 'x-sum')
    res.addTrailers({ 'x-sum': '4' })
    res.write('body')
    res.end()
  },
  'corked writes': (res, say) => {
    // Node gathers what is corked in one chunk.
    res.write('head,')
    res.cork()
    res.cork()
    res.write('one,')
    res.write('two,', () => say('two'))
    res.uncork()
    res.uncork()
    res.end('three')
  },
  'corked from the beginning': res => {
    res.cork()
    res.write('one,')
    res.write('two,')
    process.nextTick(() => res.uncork())
    res.write('three,')
    setImmediate(() => res.end('four'))
  },
  'corked until the end': res => {
    res.cork()
    res.write('one,')
    res.write('two,')
    res.end('three')
  },
  'a length that is kept to': (res, say) => {
    res.strictContentLength = true
    res.setHeader('content-length', 5)
    res.write('he')
    res.end('llo', () => say('callback'))
  },
  'a pipe': res => void Readable.from(['a', 'b', 'c']).pipe(res),
  'a pipe of much': res => void Readable.from([Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b'), Buffer.alloc(10, 'c')]).pipe(res),
  'a pipeline': (res, say) => pipeline(Readable.from(['a', 'b']), res, error => say('pipeline', error?.message ?? 'done')),
  'a pipeline of a generator': (res, say) => {
    async function* pieces() {
      for (const piece of ['a', 'b', 'c']) {
        await turns(1)
        yield piece
      }
    }
    pipeline(pieces, res, error => say('pipeline', error?.message ?? 'done'))
  },
  'a body for a 304': res => {
    res.statusCode = 304
    res.end('nobody sees it')
  },
  'a body for a 204': (res, say) => {
    res.writeHead(204, { 'x-a': '1' })
    res.write('nobody sees it', error => say('write', code(error)))
    res.end(() => say('end'))
  },
  'events over time': async res => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write('data: 1\n\n')
    await turns(20)
    res.write('data: 2\n\n')
    res.end()
  },
  'a bad chunk': (res, say) => {
    attempt(say, 'bad', () => res.write(null as unknown as string))
    attempt(say, 'bad', () => res.write(17 as unknown as string))
    attempt(say, 'bad', () => res.end(17 as unknown as string))
    res.end('x')
  },
}

describe.each(allHosts)('%s', host => {
  // What the bare response does with these depends on nothing that a framework adds, so every host sees all of them.
  it.each(Object.keys(handlers).flatMap(name => ['GET', 'HEAD'].map(method => [name, method] as const)))('%s, %s', async (name, method) => {
    const { bare, atOnce, later } = await threeTimes(handlers[name] as Handler, { host, method })
    expect(bare.octets).not.toBe('')
    expect(atOnce).toEqual(bare)
    // A pipe that was told to wait comes back later, and newer Nodes put into one chunk what comes at once: then only the body is the same.
    const same = name.includes('pipe') ? inOneChunk : (run: Run) => run
    expect(same(later)).toEqual(same(withoutDrain(bare)))
  })
})

function inOneChunk(run: Run): Run {
  const [head = '', ...body] = run.octets.split('\r\n\r\n')
  return /transfer-encoding: chunked/i.test(head) ? { ...run, octets: `${head}\r\n\r\n${joined(body.join('\r\n\r\n'))}` } : run
}
