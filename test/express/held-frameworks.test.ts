// What Express and the middleware around it make of an answer, with and without a response that waits: octet by octet.
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { allHosts, expresses, type Host } from '../support/express/hosts.ts'
import type { Loose } from '../support/subjects.ts'
import { type Handler, joined, type Scene, threeTimes, turns, withoutDrain } from './exchange.ts'

vi.setConfig({ testTimeout: 5000 })

const require = createRequire(import.meta.url)
const compression = require('compression')
const onHeaders = require('on-headers')
const staticOf: Record<string, Loose> = { 'Express 4': require('express4').static, 'Express 5': require('express').static }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-'))
  await writeFile(join(folder, 'text.txt'), '0123456789'.repeat(2000))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function same(handler: Handler, scene: Scene): Promise<string> {
  const { bare, atOnce, later } = await threeTimes(handler, scene)
  expect(bare.octets).not.toBe('')
  expect(atOnce).toEqual(bare)
  expect(later).toEqual(withoutDrain(bare))
  return bare.octets
}

const express: Record<string, Handler> = {
  send: res => res.send('text'),
  'send of octets': res => res.send(Buffer.from([0, 1, 2, 255])),
  json: res => res.status(201).json({ a: [1, 'ü'] }),
  redirect: res => res.redirect('/elsewhere'),
  'redirect with a status': res => res.redirect(303, 'https://example.org/?a=b'),
  sendStatus: res => res.sendStatus(204),
  sendFile: res => res.sendFile(join(folder, 'text.txt'), { lastModified: false }),
  download: (res, say) =>
    res.download(join(folder, 'text.txt'), 'mine.txt', { lastModified: false }, (error: unknown) => say('sent', !error)),
  'sendFile of nothing': (res, _say, _req, next) => res.sendFile(join(folder, 'missing'), (error: { status: number }) => next(error)),
  'a thrown error': () => {
    throw Object.assign(new Error('no'), { status: 418 })
  },
  'an error that is passed on': (_res, _say, _req, next) => next(Object.assign(new Error('no'), { status: 403 })),
  'an error after the first octet': async (res, _say, req, next) => {
    res.write('begun')
    if (req.method === 'HEAD') return res.end()
    await turns(20)
    next(new Error('late'))
  },
  'two answers': (res, say) => {
    res.send('one')
    try {
      res.send('two')
    } catch (error) {
      say('second', (error as Error).message)
    }
  },
  jsonp: res => res.jsonp({ a: 1 }),
  'no route': (_res, _say, _req, next) => next(),
}

describe.each(expresses)('%s', host => {
  it.each(Object.keys(express).flatMap(name => ['GET', 'HEAD'].map(method => [name, method] as const)))('%s, %s', async (name, method) => {
    await same(express[name] as Handler, { host, method })
  })

  it('answers a conditional request', async () => {
    const handler: Handler = res => res.send('text')
    const [, etag = ''] = /ETag: (.*)\r/.exec(await same(handler, { host })) ?? []
    expect(await same(handler, { host, headers: { 'If-None-Match': etag } })).toMatch(/^HTTP\/1\.1 304 /)
  })

  const ranges: Record<string, string> = { none: '', one: 'bytes=5-9', many: 'bytes=0-1,5-6', end: 'bytes=-3', beyond: 'bytes=99999-' }
  it.each(Object.keys(ranges).flatMap(name => ['GET', 'HEAD'].map(method => [name, method] as const)))(
    'express.static and sendFile with a range: %s, %s',
    async (name, method) => {
      const headers: Record<string, string> = ranges[name] ? { Range: ranges[name] } : {}
      const files = staticOf[host](folder, { lastModified: true })
      const bystatic: Handler = (res, _say, req, next) => files(req, res, next)
      const octets = await same(bystatic, { host, method, headers, path: '/text.txt' })
      expect(octets).toMatch({ none: /^HTTP\/1\.1 200 /, one: /206/, many: /200/, end: /206/, beyond: /416/ }[name] as RegExp)
      await same(res => res.sendFile(join(folder, 'text.txt')), { host, method, headers })
    },
  )

  it('express.static with a condition', async () => {
    const files = staticOf[host](folder)
    const handler: Handler = (res, _say, req, next) => files(req, res, next)
    const octets = await same(handler, { host, path: '/text.txt' })
    const [, etag = ''] = /ETag: (.*)\r/.exec(octets) ?? []
    const [, modified = ''] = /Last-Modified: (.*)\r/.exec(octets) ?? []
    for (const headers of [{ 'If-None-Match': etag }, { 'If-Modified-Since': modified }] as Record<string, string>[])
      expect(await same(handler, { host, headers, path: '/text.txt' })).toMatch(/^HTTP\/1\.1 304 /)
    expect(await same(handler, { host, headers: { 'If-Match': '"other"' }, path: '/text.txt' })).toMatch(/^HTTP\/1\.1 412 /)
  })
})

const compressed: Record<string, Handler> = {
  'a text in one': res => res.end('a'.repeat(5000)),
  'a small text': res => res.end('a'),
  'several writes': async res => {
    for (let i = 0; i < 5; i++) {
      res.write(`${i}`.repeat(1000))
      await turns(3)
    }
    res.end('the end')
  },
  'a head by itself': res => {
    res.writeHead(203, { 'content-type': 'text/html', 'x-a': '1' })
    res.end('a'.repeat(5000))
  },
  'a flushed event stream': async res => {
    res.setHeader('content-type', 'text/event-stream')
    res.write('data: 1\n\n')
    res.flush?.()
    await turns(10)
    res.write('data: 2\n\n')
    res.flush?.()
    res.end()
  },
  'a file by a pipe': res => void createReadStream(join(folder, 'text.txt'), { highWaterMark: 1000 }).pipe(res),
  'pieces by a pipe': res => void Readable.from(['one', 'two', 'three']).pipe(res),
  'pieces by a pipeline': (res, say) =>
    pipeline(Readable.from(['a'.repeat(500), 'b'.repeat(500)]), res, error => say('pipeline', error?.message ?? 'done')),
  'writes that wait for drain': async res => {
    for (let i = 0; i < 5; i++) if (!res.write('0123456789'.repeat(3000))) await once(res, 'drain')
    res.end()
  },
  'octets that are compressed already': res => {
    res.setHeader('content-encoding', 'identity')
    res.setHeader('cache-control', 'no-transform')
    res.end('a'.repeat(5000))
  },
}

describe.each(allHosts)('compression on %s', host => {
  const all = Object.keys(compressed).flatMap(name =>
    ['before', 'after'].flatMap(place => [true, false].map(gzip => [name, place, gzip] as const)),
  )
  it.each(all)('%s, compression %s the session, accepted: %s', async (name, place, gzip) => {
    const scene: Scene = { host, [place]: [typed, compression()], headers: gzip ? { 'Accept-Encoding': 'gzip' } : {} }
    const { bare, atOnce, later } = await threeTimes(compressed[name] as Handler, scene)
    // Where the pieces of a compressed stream are cut depends on time; the body does not.
    for (const one of [atOnce, later]) expect(plain(one.octets)).toEqual(plain(bare.octets))
    expect(plain(bare.octets).body.length).toBeGreaterThan(0)
    expect(later.said).toContain('close')
  })
})

/** What `compression` looks at. */
const typed = (_req: unknown, res: ServerResponse, next: () => void) => {
  res.setHeader('Content-Type', 'text/plain')
  next()
}

function plain(octets: string): { head: string; body: string } {
  const [head = '', ...rest] = octets.split('\r\n\r\n')
  let body = rest.join('\r\n\r\n')
  if (/transfer-encoding: chunked/i.test(head)) body = joined(body)
  if (/content-encoding: gzip/i.test(head)) body = gunzipSync(Buffer.from(body, 'latin1')).toString('latin1')
  return { head, body }
}

/** Middleware that says a header at the last moment: as `on-headers` does it, and by hand. */
const lastWords = {
  'on-headers': (name: string) => (_req: unknown, res: ServerResponse, next: () => void) => {
    onHeaders(res, () => res.setHeader(name, `${res.statusCode}`))
    next()
  },
  'a patched writeHead': (name: string) => (_req: unknown, res: Loose, next: () => void) => {
    const { writeHead } = res
    res.writeHead = function (this: ServerResponse, ...args: unknown[]) {
      res.setHeader(name, 'said')
      return writeHead.apply(this, args)
    }
    next()
  },
  'a patched end': (name: string) => (_req: unknown, res: Loose, next: () => void) => {
    const { end } = res
    res.end = function (this: ServerResponse, ...args: unknown[]) {
      if (!res.headersSent) res.setHeader(name, 'said')
      return end.apply(this, args)
    }
    next()
  },
}

describe.each(allHosts)('last words on %s', host => {
  const kinds = Object.keys(lastWords) as (keyof typeof lastWords)[]
  it.each(kinds.flatMap(kind => ['end', 'write', 'writeHead', 'flushHeaders'].map(how => [kind, how] as const)))(
    '%s, %s',
    async (kind, how) => {
      const handler: Handler = res => {
        if (how === 'write') res.write('x')
        if (how === 'writeHead') res.writeHead(203, { 'x-mine': '1' })
        if (how === 'flushHeaders') res.flushHeaders()
        res.end('y')
      }
      const scene = { host: host as Host, before: [lastWords[kind]('x-before')], after: [lastWords[kind]('x-after')] }
      const { bare, atOnce, later } = await threeTimes(handler, scene)
      // Which of two headers comes first is not their affair.
      const lines = (octets: string) => octets.split('\r\n').sort()
      for (const one of [atOnce, later]) expect(lines(one.octets)).toEqual(lines(bare.octets))
      if (kind !== 'a patched end' || how === 'end') expect(bare.octets).toContain('x-after')
    },
  )
})
