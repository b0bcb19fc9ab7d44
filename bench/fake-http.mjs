// Requests without a network: Node's own IncomingMessage and ServerResponse on a socket that writes to memory.
import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'

/** Where octets go. A real socket makes one piece of a text and copies it; so does this. */
const sink = Buffer.allocUnsafe(65_536)

function tellClosed(res) {
  res.destroyed = true
  res._closed = true
  res.emit('close')
}

/** A connection over TLS that is kept alive: one request follows another. */
export class Connection extends EventEmitter {
  encrypted = true
  readable = true
  writable = true
  destroyed = false
  remoteAddress = '127.0.0.1'
  writableLength = 0
  writableHighWaterMark = 16_384
  /** Node uncorks by hand when an answer ends. */
  _writableState = { corked: 0 }
  #written = ''

  cork() {}

  uncork() {}

  write(data, encoding, callback) {
    if (typeof data !== 'string') {
      sink.set(data)
      this.#written += data.toString('latin1')
    } else if (data !== '') {
      sink.write(data, encoding || 'utf8')
      this.#written += data
    }
    if (callback) process.nextTick(callback)
    return true
  }

  /**
   * Has a request answered, and resolves with all that was written: head and body.
   * @param {import('node:http').RequestListener} listener
   * @param {string} url
   * @param {string[]} rawHeaders names and values in turns, as Node's parser hands them on
   * @returns {Promise<string>}
   */
  request(listener, url, rawHeaders) {
    const req = new IncomingMessage(this)
    req.method = 'GET'
    req.url = url
    req.httpVersionMajor = req.httpVersionMinor = 1
    req.httpVersion = '1.1'
    req._addHeaderLines(rawHeaders, rawHeaders.length)
    req.complete = true
    // Node's server asks for the host before anybody else: the headers are parsed by then.
    if (req.headers.host === undefined) throw new Error('a request without a host')
    const res = new ServerResponse(req)
    res.assignSocket(this)
    this.#written = ''
    return new Promise(resolve => {
      res.on('finish', () => {
        res.detachSocket(this)
        process.nextTick(tellClosed, res)
        resolve(this.#written)
      })
      listener(req, res)
    })
  }
}
