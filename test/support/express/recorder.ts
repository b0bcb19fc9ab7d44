import { IncomingMessage } from 'node:http'
import { Recorder } from '../recorder.ts'
import type { Loose } from '../subjects.ts'

export const requestNumber = 'x-request-number'

/** Writes requests as a word with their number, and cookies as what they would store. */
export class ExpressRecorder extends Recorder {
  override snapshot(value: unknown): unknown {
    if (value instanceof IncomingMessage) return `<request ${value.headers[requestNumber]}>`
    if (Buffer.isBuffer(value)) return { '<buffer>': value.toString('base64') }
    return super.snapshot(value)
  }
}

const methods = ['regenerate', 'destroy', 'reload', 'save', 'touch', 'resetMaxAge']

/** All that a store can see of the session object that it gets. */
export function seenByStore(session: Loose): Record<string, unknown> {
  const { cookie } = session
  const inherited: string[] = []
  for (const key in session) if (!Object.hasOwn(session, key)) inherited.push(key)
  return {
    id: session.id,
    requestsId: session.req?.sessionID,
    // Functions are no data, and no store keeps them.
    keys: Object.keys(session).filter(key => typeof session[key] !== 'function'),
    inherited,
    methods: methods.filter(name => typeof session[name] === 'function'),
    expires: cookie.expires instanceof Date ? new Date(cookie.expires) : cookie.expires,
    maxAge: cookie.maxAge,
    originalMaxAge: cookie.originalMaxAge,
    data: { ...cookie.data },
    line: attempt(() => cookie.serialize('name', 'value')),
    text: JSON.stringify(session),
  }
}

function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return (error as Error).message
  }
}
