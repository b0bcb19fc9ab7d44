import type { IncomingMessage } from 'node:http'

/** Our forms have a few hundred octets. */
const MOST_OCTETS = 16_384

/**
 * The fields of a form; what is none has no fields. `parsed` is what a body parser of the app has made of it; where none ran, the request
 * is read here. Null: it is too large.
 */
export async function readForm(req: IncomingMessage, parsed: unknown): Promise<URLSearchParams | null> {
  const isParsed = typeof parsed === 'object' && parsed !== null && !Buffer.isBuffer(parsed)
  // A parser for other bodies alone leaves an empty object, and the form unread.
  if (isParsed && (req.readableDidRead || Object.keys(parsed).length > 0)) return fieldsOf(parsed)
  if (!/^application\/x-www-form-urlencoded\b/i.test(req.headers['content-type'] ?? '')) return new URLSearchParams()
  if (typeof parsed === 'string') return parsed.length <= MOST_OCTETS ? new URLSearchParams(parsed) : null
  if (Buffer.isBuffer(parsed)) return parsed.length <= MOST_OCTETS ? new URLSearchParams(parsed.toString()) : null
  const text = await bodyOf(req)
  return text === null ? null : new URLSearchParams(text)
}

/** Only texts: whoever sends `handle[]=` gets no list into what asks for a text. */
function fieldsOf(parsed: object): URLSearchParams {
  return new URLSearchParams(Object.entries(parsed).filter((field): field is [string, string] => typeof field[1] === 'string'))
}

async function bodyOf(req: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = []
  let octets = 0
  for await (const piece of req) {
    octets += (piece as Buffer).length
    // What follows is read and dropped, so that the answer can be sent on this connection.
    if (octets <= MOST_OCTETS) pieces.push(piece as Buffer)
    else if (octets > 64 * MOST_OCTETS) break
  }
  return octets > MOST_OCTETS ? null : Buffer.concat(pieces).toString()
}
