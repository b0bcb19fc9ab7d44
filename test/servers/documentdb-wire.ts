// As much of MongoDB's wire protocol as its driver needs: OP_MSG, and OP_QUERY with OP_REPLY for the first hello.
import { BSON } from 'mongodb'

export type Document = BSON.Document

const OP_REPLY = 1
const OP_QUERY = 2004
const OP_MSG = 2013
const HEAD_OCTETS = 16
const MORE_TO_COME = 2
const EXHAUST_ALLOWED = 1 << 16

export interface Message {
  /** To be named by the answer. */
  id: number
  /** By OP_QUERY, and so to be answered by OP_REPLY. */
  legacy: boolean
  /** No answer is awaited. */
  silent: boolean
  /** One answer may follow another, unasked. */
  many: boolean
  document: Document
}

/** Numbers keep their types on the way through. */
export const parse = (octets: Uint8Array): Document => BSON.deserialize(octets, { promoteValues: false })
export const octetsOf = (document: Document): Buffer => Buffer.from(BSON.serialize(document))

/** Gathers what comes over a connection. */
export class Messages {
  #chunks: Buffer[] = []
  #length = 0

  /** The messages that are complete with it. */
  add(chunk: Buffer): Message[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const complete: Message[] = []
    while (this.#length >= this.#size()) {
      const all = Buffer.concat(this.#chunks)
      const size = this.#size()
      complete.push(messageOf(all.subarray(0, size)))
      this.#chunks = [all.subarray(size)]
      this.#length -= size
    }
    return complete
  }

  /** Of the message that has begun. */
  #size(): number {
    if (this.#length < 4) return Number.POSITIVE_INFINITY
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]?.readInt32LE(0) ?? 0
  }
}

function messageOf(octets: Buffer): Message {
  const id = octets.readInt32LE(4)
  const kind = octets.readInt32LE(12)
  if (kind === OP_QUERY) {
    // Flags, the collection's name, how many to skip and to return.
    const begin = octets.indexOf(0, HEAD_OCTETS + 4) + 1 + 8
    return { id, legacy: true, silent: false, many: false, document: parse(documentAt(octets, begin)) }
  }
  if (kind !== OP_MSG) throw new Error(`the driver sent a message of kind ${kind}`)
  const flags = octets.readUInt32LE(HEAD_OCTETS)
  const document: Document = {}
  for (let at = HEAD_OCTETS + 4; at < octets.length; ) {
    const begin = at + 1
    const end = begin + octets.readInt32LE(begin)
    Object.assign(document, octets[at] === 0 ? parse(octets.subarray(begin, end)) : sequence(octets.subarray(begin, end)))
    at = end
  }
  return { id, legacy: false, silent: (flags & MORE_TO_COME) !== 0, many: (flags & EXHAUST_ALLOWED) !== 0, document }
}

/** Documents that belong to the command under a name: their size, the name, the documents. */
function sequence(octets: Buffer): Document {
  const zero = octets.indexOf(0, 4)
  const documents: Document[] = []
  for (let at = zero + 1; at < octets.length; at += octets.readInt32LE(at)) documents.push(parse(documentAt(octets, at)))
  return { [octets.toString('utf8', 4, zero)]: documents }
}

function documentAt(octets: Buffer, at: number): Buffer {
  return octets.subarray(at, at + octets.readInt32LE(at))
}

/** An answer, for the wire. `more`: another one will follow. */
export function answerTo({ id, legacy }: Pick<Message, 'id' | 'legacy'>, document: Buffer, more = false): Buffer {
  // OP_REPLY: flags, a cursor, where it begins, how many documents. OP_MSG: flags, and the kind of its one section.
  const head = Buffer.alloc(HEAD_OCTETS + (legacy ? 20 : 5))
  head.writeInt32LE(head.length + document.length, 0)
  head.writeInt32LE(id, 8)
  head.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12)
  if (legacy) head.writeInt32LE(1, HEAD_OCTETS + 16)
  else if (more) head.writeUInt32LE(MORE_TO_COME, HEAD_OCTETS)
  return Buffer.concat([head, document])
}
