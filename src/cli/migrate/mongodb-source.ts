import { connectMongodb } from '../clients/mongodb.ts'
import type { Io } from '../command.ts'
import { type PeerOptions, recordsOf } from './peers.ts'
import { PAGE, type Source, type StoredSession } from './source.ts'
import { timeOf } from './sql-source.ts'

interface Found {
  _id: string
  session?: unknown
  expires?: unknown
}

/** What is used of a collection, beside what a store uses. */
interface Collection {
  find(filter: object, options: object): { toArray(): Promise<Found[]> }
  estimatedDocumentCount(): Promise<number>
}

export const COLLECTION = 'sessions'

/** Sessions of connect-mongo: a document each, the session as text or as an object. */
export async function mongodbSource(url: string, name: string | undefined, options: PeerOptions, io: Io): Promise<Source> {
  const { collection, end } = await connectMongodb(url, name ?? COLLECTION, io)
  const sessions = collection as unknown as Collection
  return {
    count: () => sessions.estimatedDocumentCount(),
    async page(cursor) {
      const filter = cursor === undefined ? { _id: { $type: 'string' } } : { _id: { $type: 'string', $gt: cursor } }
      const found = await sessions.find(filter, { sort: { _id: 1 }, limit: PAGE, projection: { session: 1, expires: 1 } }).toArray()
      const stored = found.map(({ _id, session, expires }): StoredSession => ({ id: _id, content: session, endsAt: timeOf(expires) }))
      return { ...recordsOf(stored, options), cursor: found.length < PAGE ? null : (found.at(-1) as Found)._id }
    },
    end,
  }
}
