// One request to a process of the site, as it is noted in a history.
import { Agent, request } from 'node:http'
import type { Kind, Outcome, Seen } from './history.ts'
import type { Worker } from './site.ts'

export interface Answer {
  outcome: Outcome
  /** It was told that there is no such session, or that another request has ended it. */
  gone?: boolean
  /** Why it was not acknowledged. */
  error?: string
  data?: Seen
  count?: number
  /** What a Set-Cookie brought. */
  cookie?: string
}

interface Body {
  code?: string
  outcome?: string
  data?: Seen
  count?: number
}

/** What a browser does: connections are used again, an answer is not waited for for ever. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #deadline: number

  /** `deadline` in ms; longer than a process waits for its store. */
  constructor(deadline = 15_000) {
    this.#deadline = deadline
  }

  ask({ port }: Worker, kind: Kind, query: Record<string, string> = {}, cookie?: string): Promise<Answer> {
    const method = kind === 'read' ? 'GET' : 'POST'
    const path = `/${kind}?${new URLSearchParams(query)}`
    const headers = { 'Content-Length': '0', ...(cookie && { cookie }) }
    const signal = AbortSignal.timeout(this.#deadline)
    return new Promise(resolve => {
      const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: this.#agent, signal }, async response => {
        let text = ''
        response.setEncoding('utf8')
        try {
          for await (const chunk of response) text += chunk
          const [set] = response.headers['set-cookie'] ?? []
          const answer = judge(kind, response.statusCode ?? 0, JSON.parse(text) as Body)
          resolve(set === undefined ? answer : { ...answer, cookie: set.slice(0, set.indexOf(';')) })
        } catch (error) {
          resolve(broken(error))
        }
      })
      asked.on('error', error => resolve(broken(error)))
      asked.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function judge(kind: Kind, status: number, { code = String(status), outcome, ...seen }: Body): Answer {
  if (status < 300) return { outcome: 'acknowledged', ...seen }
  if (status === 401) return { outcome: 'refused', gone: true }
  // Where an answer was lost and the client sent its write again, the session may have ended between the two: it was applied before.
  if (code === 'HOLDFAST_GONE') return { outcome: kind === 'write' || kind === 'bump' ? 'unknown' : 'refused', gone: true }
  // A logout that fails is gone on with.
  const applied = outcome === 'not-applied' && kind !== 'logout' ? 'refused' : 'unknown'
  return { outcome: applied, error: code === 'HOLDFAST_STORE' ? `${code} (${outcome})` : code }
}

/** Without a connection nothing was sent. Anything else may have been heard. */
function broken(error: unknown): Answer {
  const { code, name } = error as NodeJS.ErrnoException
  return { outcome: code === 'ECONNREFUSED' ? 'refused' : 'unknown', error: code ?? name }
}
