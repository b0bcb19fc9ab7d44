// A real Redis for the measurements: on a free loopback port, in memory only.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const answers = port =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.end('PING\r\n'))
    socket.once('data', octets => resolve(octets.toString().startsWith('+PONG')))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })

/** @param {string[]} [before] a command to start it with, such as `taskset -c 1` */
export async function startRedis(before = []) {
  const port = await freePort()
  const settings = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const [program, ...args] = [...before, 'redis-server', ...settings.map(String)]
  const child = spawn(program, args, { stdio: 'ignore' })
  let failed
  child.once('error', error => {
    failed = error
  })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  for (let tries = 0; !(await answers(port)); tries++) {
    if (failed || child.exitCode !== null || tries > 500)
      throw new Error('redis-server does not start; npm test installs it', { cause: failed })
    await pause(10)
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.removeListener('exit', end)
      const ended = once(child, 'exit')
      end()
      await ended
    },
  }
}
