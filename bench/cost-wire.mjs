// A proxy on loopback before a real Redis. It passes everything on, and counts octets, and commands by their names.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * The first command of what a client has sent (RESP: `*2`, `$3`, `GET`, `$1`, `k`), or undefined while some of it is missing.
 * @param {string} text octets as latin1
 */
function firstCommand(text) {
  let at = 0
  const number = () => {
    const end = text.indexOf('\r\n', at)
    const found = end < 0 ? Number.NaN : Number(text.slice(at + 1, end))
    at = end + 2
    return found
  }
  let name
  for (let parts = number(); parts !== 0; parts--) {
    const length = number()
    if (Number.isNaN(length)) return undefined
    name ??= text.slice(at, at + length).toLowerCase()
    at += length + 2
  }
  return name !== undefined && at <= text.length ? { name, length: at } : undefined
}

/** @param {number} port where Redis listens */
export async function startCounter(port) {
  let toRedis = 0
  let fromRedis = 0
  let pieces = 0
  /** @type {Record<string, number>} */
  let commands = {}
  const sockets = new Set()
  const proxy = createServer(client => {
    const redis = connect(port, '127.0.0.1')
    let unread = ''
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', octets => {
      toRedis += octets.length
      pieces++
      unread += octets.toString('latin1')
      for (let command = firstCommand(unread); command; command = firstCommand(unread)) {
        commands[command.name] = (commands[command.name] ?? 0) + 1
        unread = unread.slice(command.length)
      }
      redis.write(octets)
    })
    redis.on('data', octets => {
      fromRedis += octets.length
      client.write(octets)
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `redis://127.0.0.1:${proxy.address().port}`,
    /** What was counted since the last call. A piece is what came at once: one command, or many that a client has sent together. */
    take() {
      const counted = { commands, toRedis, fromRedis, pieces }
      commands = {}
      toRedis = fromRedis = pieces = 0
      return counted
    },
    stop() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
