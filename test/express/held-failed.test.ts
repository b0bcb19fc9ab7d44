// A save that fails: what the handler has said is thrown away, and the answer of the site's error handler goes out whole.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { pipeline, Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { HeldResponse } from '../../src/express/held-response.ts'
import { allHosts, expresses } from '../support/express/hosts.ts'
import type { Loose } from '../support/subjects.ts'
import { type Around, appOf, ask, deferred, Gate, type Handler, joined, raw, serve, turns } from './exchange.ts'

vi.setConfig({ testTimeout: 5000 })

const compression = createRequire(import.meta.url)('compression')
const failure = new Error('no store')

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
})

/** How an answer begins, and goes on after the save has failed. */
const handlers: Record<string, Handler> = {
  end: res => res.end('fine'),
  'a redirect': res => res.writeHead(302, { location: '/elsewhere' }).end(),
  'write and end': res => {
    res.write('fi')
    res.end('ne')
  },
  'write, and an end much later': async res => {
    res.write('fi')
    await turns(20)
    res.end('ne')
  },
  'writeHead with a length, and a body in pieces': async res => {
    res.writeHead(201, 'Fine', { 'content-length': '40', 'x-mine': '1', connection: 'keep-alive' })
    for (let i = 0; i < 10; i++) {
      res.write('fine')
      await turns(2)
    }
    res.end()
  },
  'a head that is flushed': async res => {
    res.setHeader('x-mine', '1')
    res.flushHeaders()
    await turns(20)
    res.end('fine')
  },
  'a pipe that goes on': res => {
    async function* pieces() {
      for (let i = 0; i < 30; i++) {
        await turns(1)
        yield 'fine'
      }
    }
    Readable.from(pieces()).pipe(res)
  },
  'a pipe that never ends': res => {
    const source = new Readable({ read: () => setImmediate(() => source.push(res.closed ? null : 'fine'.repeat(1000))) })
    source.pipe(res)
  },
  'a pump that drain drives': res => {
    const pump = () => {
      for (let i = 0; i < 3; i++) res.write('fine')
    }
    res.on('drain', pump)
    pump()
  },
  'a pipeline': res => pipeline(Readable.from(['fine', 'fine', 'fine']), res, () => undefined),
  'corked writes and trailers': async res => {
    res.setHeader('trailer', 'x-sum')
    res.write('fine')
    res.cork()
    res.addTrailers({ 'x-sum': '4' })
    res.write('fine')
    await turns(10)
    res.uncork()
    res.end()
  },
  'a changed status and message': res => {
    res.statusCode = 202
    res.statusMessage = 'Fine'
    res.setHeader('X-Before', 'changed')
    res.appendHeader('X-List', 'more')
    res.setHeader('content-encoding', 'identity')
    res.setHeader('date', 'today')
    res.end('fine')
  },
}

type AtErrors = (error: Error, req: IncomingMessage, res: ServerResponse, next: Loose) => unknown

const answers: Record<string, AtErrors> = {
  'at once': (error, _req, res, _next) => {
    res.statusCode = 500
    res.setHeader('x-error', error.message)
    res.end('sorry, sorry')
  },
  later: async (_error, _req, res, _next) => {
    await turns(10)
    res.writeHead(503, { 'x-error': '1' }).end('sorry, sorry')
  },
  'as a stream': async (_error, _req, res, _next) => {
    res.statusCode = 500
    async function* pieces() {
      for (const piece of ['sorry', ', ', 'sorry']) {
        await turns(4)
        yield piece
      }
    }
    Readable.from(pieces()).pipe(res)
  },
  'as a stream that begins later': async (_error, _req, res, _next) => {
    await turns(5)
    res.statusCode = 500
    for (const piece of ['sorry', ', ', 'sorry']) {
      res.write(piece)
      await turns(4)
    }
    res.end()
  },
  'as a stream that has to wait': async (_error, _req, res, _next) => {
    res.statusCode = 500
    for (let i = 0; i < 40; i++) if (!res.write('sorry, sorry'.repeat(10_000))) await once(res, 'drain')
    res.end()
  },
  'without a status': (_error, _req, res, _next) => void setImmediate(() => res.end('sorry, sorry')),
}

/** The open of the session, with headers there already. */
const headed = (_req: unknown, res: ServerResponse, next: () => void) => {
  res.setHeader('X-Before', 'as it was')
  res.setHeader('X-List', ['one', 'two'])
  next()
}

async function answerOf(host: (typeof allHosts)[number], handler: Handler, around: Around, gate?: Gate, request = ask()): Promise<string> {
  const pass = (_req: unknown, _res: unknown, next: () => void) => next()
  return raw(await serve(appOf(host, handler, gate ? gate.hold : pass, around)), request).closed
}

describe.each(allHosts)('%s', host => {
  const all = Object.keys(handlers).flatMap(how => Object.keys(answers).map(answer => [how, answer] as const))
  it.each(all)('%s; the error is answered %s', async (how, answer) => {
    const atErrors = answers[answer] as AtErrors
    // What the site answers to an error when the handler has said nothing.
    const expected = await answerOf(host, (_res, _say, _req, next) => next(failure), { before: [headed], atErrors })
    const gate = new Gate()
    gate.head.reject(failure)
    const got = await answerOf(host, handlers[how] as Handler, { before: [headed], atErrors }, gate)
    expect(got === expected ? expected : got.slice(0, 2000)).toBe(expected)
    expect(got).toContain('sorry')
    expect(got).not.toContain('fine')
    expect(gate.failures).toEqual([failure])
    expect(uncaught).toEqual([])
  })
})

describe.each(expresses)("Express's own error handler, %s", host => {
  it.each(Object.keys(handlers))('%s', async how => {
    const expected = await answerOf(host, (_res, _say, _req, next) => next(failure), { before: [headed] })
    const gate = new Gate()
    gate.head.reject(failure)
    expect(await answerOf(host, handlers[how] as Handler, { before: [headed] }, gate)).toBe(expected)
    expect(expected).toMatch(/^HTTP\/1.1 500 /)
  })
})

// The error handler of connect waits for the request's last octet, and forgets on the way what it belongs to.
it.each(allHosts.filter(host => host !== 'node:http'))('the last octet of the request comes after the failure, %s', async host => {
  const gate = new Gate()
  const client = raw(
    await serve(appOf(host, handlers['write, and an end much later'] as Handler, gate.hold)),
    ask('POST', '/', { 'content-length': '4' }),
  )
  client.socket.write('ab')
  await gate.reached.promise
  gate.head.reject(failure)
  await turns(30)
  client.socket.write('cd')
  const got = await client.closed
  expect(got).toMatch(/^HTTP\/1.1 500 /)
  expect(got).toContain('no store')
})

it('an error handler that loses its context while the handler goes on writing', async () => {
  const gate = new Gate()
  gate.head.reject(failure)
  const outside: (() => void)[] = []
  const timer = setInterval(() => outside.shift()?.(), 5)
  const handler: Handler = async res => {
    while (!res.closed) {
      res.write('fine')
      await turns(1)
    }
  }
  const atErrors: AtErrors = (_error, _req, res, _next) => {
    outside.push(() => {
      res.statusCode = 500
      res.end('sorry, sorry')
    })
  }
  expect(await answerOf('Express 5', handler, { atErrors }, gate)).toMatch(/^HTTP\/1.1 500 [\s\S]*\r\n\r\nsorry, sorry$/)
  clearInterval(timer)
})

describe('compression', () => {
  it.each(['before', 'after'] as const)('%s the session', async place => {
    for (const how of Object.keys(handlers)) {
      const gate = new Gate()
      gate.head.reject(failure)
      const around: Around = { [place]: [compression({ threshold: 0 })], atErrors: answers['at once'] }
      const html = (_req: unknown, res: ServerResponse, next: () => void) => {
        res.setHeader('content-type', 'text/html')
        next()
      }
      around.before = [html, ...(around.before ?? [])]
      const got = await answerOf('Express 5', handlers[how] as Handler, around, gate, ask('GET', '/', { 'accept-encoding': 'gzip' }))
      const [head = '', ...rest] = got.split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1.1 500 /)
      const body = rest.join('\r\n\r\n')
      const whole = /transfer-encoding: chunked/i.test(head) ? joined(body) : body
      const gzip = /content-encoding: gzip/i.test(head)
      expect([how, gzip ? gunzipSync(Buffer.from(whole, 'latin1')).toString() : whole]).toEqual([how, 'sorry, sorry'])
    }
  })
})

it.each(['before', 'after'] as const)('compression %s the session, and an error page that has to wait for its reader', async place => {
  const warnings: string[] = []
  const note = (warning: Error) => void warnings.push(warning.name)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  for (const how of ['a pipeline', 'write and end', 'a pipe that goes on']) {
    const gate = new Gate()
    gate.head.reject(failure)
    const html = (_req: unknown, res: ServerResponse, next: () => void) => {
      res.setHeader('content-type', 'text/html')
      next()
    }
    // What the handler asks of a compressed response is its own affair; the answer is read as it is.
    const around: Around = { before: [html], atErrors: answers['as a stream that has to wait'] }
    around[place] = [...(around[place] ?? []), compression({ threshold: 0 })]
    const got = await answerOf('Express 5', handlers[how] as Handler, around, gate, ask('GET', '/', { 'accept-encoding': 'gzip' }))
    const whole = joined(got.slice(got.indexOf('\r\n\r\n') + 4))
    const text = /content-encoding: gzip/i.test(got) ? gunzipSync(Buffer.from(whole, 'latin1')).toString() : whole
    expect([how, text.length, text.includes('fine')]).toEqual([how, 40 * 10_000 * 'sorry, sorry'.length, false])
  }
  expect(warnings).not.toContain('MaxListenersExceededWarning')
})

it('the flags read as before, and callbacks are told', async () => {
  const gate = new Gate()
  gate.head.reject(failure)
  const told: unknown[] = []
  const seen: unknown[] = []
  let res: ServerResponse | undefined
  const handler: Handler = own => {
    res = own
    own.statusCode = 201
    own.setHeader('x-mine', '1')
    own.write('one', error => told.push(error))
    own.end('two', (error?: Error) => told.push(error))
  }
  const atErrors: AtErrors = async (_error, _req, own, _next) => {
    const { headersSent, writableEnded, finished, writableNeedDrain, statusCode, statusMessage } = own
    seen.push({ headersSent, writableEnded, finished, writableNeedDrain, statusCode, statusMessage, mine: own.getHeader('x-mine') })
    await turns(3)
    expect(own.headersSent).toBe(false)
    own.end('sorry')
  }
  expect(await answerOf('node:http', handler, { atErrors }, gate)).toContain('sorry')
  const flags = { headersSent: false, writableEnded: false, finished: false, writableNeedDrain: false }
  expect(seen).toEqual([{ ...flags, statusCode: 200, statusMessage: undefined, mine: undefined }])
  expect(told).toEqual([failure, failure])
  res?.write('three', error => told.push(error))
  await turns(1)
  expect(told).toHaveLength(3)
})

it('a pipe into the dropped answer runs dry', async () => {
  const gate = new Gate()
  gate.head.reject(failure)
  const source = Readable.from(['a', 'b', 'c'])
  const ended = once(source, 'end')
  await answerOf('node:http', res => void source.pipe(res), { atErrors: answers['at once'] }, gate)
  await ended
})

it('a gate that throws at once', async () => {
  const errors: unknown[] = []
  const hold = (_req: unknown, res: ServerResponse, next: Loose) => {
    const refuse = () => {
      throw failure
    }
    const failed = (error: unknown) => {
      errors.push(error)
      next(error)
    }
    new HeldResponse(res, { beforeHead: refuse, beforeEnd: refuse, failed })
    next()
  }
  for (const how of Object.keys(handlers)) {
    const port = await serve(appOf('Express 5', handlers[how] as Handler, hold, { atErrors: answers['at once'] }))
    expect(await raw(port, ask()).closed).toMatch(/^HTTP\/1.1 500 [\s\S]*\r\n\r\nsorry, sorry$/)
    expect(errors.splice(0)).toEqual([failure])
  }
})

it('a handler that has failed as well', async () => {
  // Its error is answered first, and that answer is held too; the failed save is answered by what is left of the site.
  const gate = new Gate()
  gate.head.reject(failure)
  const handled: string[] = []
  const atErrors: AtErrors = (error, _req, res, next) => {
    handled.push(error.message)
    if (res.headersSent) return next(error)
    res.statusCode = 403
    res.end('refused')
  }
  const got = await answerOf('Express 5', (_res, _say, _req, next) => next(new Error('mine')), { atErrors }, gate)
  expect(handled).toEqual(['mine'])
  expect(got).toMatch(/^HTTP\/1.1 500 /)
  expect(gate.failures).toEqual([failure])
})

it('an error handler that throws leaves the answer to the next one', async () => {
  const gate = new Gate()
  gate.head.reject(failure)
  const atErrors: AtErrors = (_error, _req, _res, _next) => {
    throw new Error('worse')
  }
  const got = await answerOf('Express 5', res => res.end('fine'), { atErrors }, gate)
  expect(got).toMatch(/^HTTP\/1.1 500 [\s\S]*worse/)
  expect(gate.failures).toEqual([failure])
})

it('an error handler that throws without a framework is an uncaught exception, not a second answer', async () => {
  const gate = new Gate()
  gate.head.reject(failure)
  const hold = (_req: unknown, res: ServerResponse, next: Loose) => {
    gate.guard(res, () => {
      setImmediate(() => res.destroy())
      throw new Error('worse')
    })
    next()
  }
  expect(await raw(await serve(appOf('node:http', res => res.end('fine'), hold)), ask()).closed).toBe('')
  expect(uncaught.map(error => (error as Error).message)).toEqual(['worse'])
})

describe('a failure after the first octet', () => {
  const late: Handler = res => {
    res.write('begun')
    setImmediate(() => res.end('done'))
  }
  const fails = () => {
    const gate = new Gate()
    gate.head.resolve()
    gate.end.reject(failure)
    return gate
  }

  it.each(expresses)("breaks the answer off by Express's own error handler, %s", async host => {
    const gate = fails()
    const got = await answerOf(host, late, {}, gate)
    expect(got).toMatch(/^HTTP\/1.1 200 /)
    expect(got).toContain('begun')
    expect(got).not.toContain('done')
    expect(got).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(gate.failures).toEqual([failure])
  })

  const endings: Record<string, AtErrors> = {
    'does nothing': () => undefined,
    'ends it': (_error, _req, res, _next) => res.end(),
    'ends it with a word': (_error, _req, res, _next) => res.end('broken'),
    throws: () => {
      throw new Error('worse')
    },
  }
  it.each(Object.keys(endings))('an error handler that %s', async name => {
    const gate = fails()
    const hold = (_req: unknown, res: ServerResponse, next: Loose) => {
      gate.guard(res, (error: Error) => endings[name]?.(error, undefined as never, res, undefined))
      next()
    }
    const got = await raw(await serve(appOf('node:http', late, hold)), ask()).closed
    expect(got).toMatch(/\r\n0\r\n\r\n$/)
    expect(got.includes('done')).toBe(!name.startsWith('ends'))
    expect(got.includes('broken')).toBe(name === 'ends it with a word')
    expect(gate.failures).toEqual([failure])
    expect(uncaught.map(error => (error as Error).message)).toEqual(name === 'throws' ? ['worse'] : [])
  })

  it('an error handler that ends an answer of which much is still on its way', async () => {
    const gate = fails()
    const hold = (_req: unknown, res: ServerResponse, next: Loose) => {
      gate.guard(res, () => res.end('broken'))
      next()
    }
    const handler: Handler = res => {
      res.on('error', catcher)
      res.write(Buffer.alloc(8_000_000, 'x'))
      setImmediate(() => res.end('done'))
    }
    const client = raw(await serve(appOf('node:http', handler, hold)), ask())
    client.socket.pause()
    while (gate.failures.length === 0) await turns(1)
    await turns(20)
    client.socket.resume()
    const got = await client.closed
    expect([got.includes('broken'), got.includes('done')]).toEqual([true, false])
    expect(uncaught).toEqual([])
  })

  it('what Node then refuses is no second failure', async () => {
    const gate = fails()
    const told = deferred()
    const hold = (_req: unknown, res: ServerResponse, next: Loose) => {
      gate.guard(res, told.resolve)
      next()
    }
    const handler: Handler = res => {
      res.strictContentLength = true
      res.setHeader('content-length', '10')
      res.write('begun')
      setImmediate(() => {
        res.end('too much for it')
        setTimeout(() => res.destroy(), 20)
      })
    }
    await raw(await serve(appOf('node:http', handler, hold)), ask()).closed
    expect(await told.promise).toBe(failure)
    expect(gate.failures).toEqual([failure])
    expect(uncaught).toEqual([])
  })
})

it('what Node refuses while the answer goes out is a failure too', async () => {
  const gate = new Gate()
  gate.head.resolve()
  const handler: Handler = res => {
    res.statusMessage = 'a\nb'
    res.end('fine')
  }
  const got = await answerOf('Express 5', handler, { atErrors: answers.later }, gate)
  expect(got).toMatch(/^HTTP\/1.1 503 [\s\S]*sorry, sorry/)
  expect(gate.failures).toMatchObject([{ code: 'ERR_INVALID_CHAR' }])
})
