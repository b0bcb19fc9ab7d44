import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  status: number
  /** All headers but Set-Cookie, names in lower case. */
  headers: Record<string, string>
  setCookie: string[]
  body: string
}

export interface Listening {
  send(method: string, path: string, headers: Record<string, string>): Promise<Answer>
  close(): Promise<void>
}

/** Serves `listener` on a free port of the loopback interface. */
export async function listen(listener: http.RequestListener): Promise<Listening> {
  const server = http.createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new http.Agent({ keepAlive: true })
  return {
    async send(method, path, headers) {
      const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent })
      request.end()
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      return read(response)
    },
    async close() {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function read(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const { 'set-cookie': setCookie = [], ...others } = response.headers
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)])),
    setCookie,
    body: Buffer.concat(chunks).toString(),
  }
}
