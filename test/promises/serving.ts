import { once } from 'node:events'
import type http from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

const SESSION_EVENTS = ['missed', 'expired', 'invalid', 'malformed', 'gone', 'conflict', 'refused', 'reuse', 'ambiguous'].map(
  name => `session:${name}`,
)
/** All that the engine tells. */
export const EVENTS = [...SESSION_EVENTS, 'store:error', 'clock:skew'] as never[]

/** A server on a free port of the loopback interface, until the test has finished. */
export async function listening(server: http.Server): Promise<http.Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

export const portOf = (server: http.Server): number => (server.address() as AddressInfo).port
