import type { SessionRecord } from '../../core/record.ts'

/** Part of a source, and where the next part begins; null: this was the last. */
export interface SourcePage {
  records: SessionRecord[]
  /** What lay there and was no session of this layout. */
  unreadable: number
  /** What had ended already. */
  ended: number
  cursor: string | null
}

/** Where sessions come from. What lies there all the time is on one page at least, also where the walk is gone on with later. */
export interface Source {
  /** About how many there are, for the progress; undefined where counting is as much work as copying. */
  count(): Promise<number | undefined>
  page(cursor: string | undefined): Promise<SourcePage>
  /** All that is carried with this one, one after the other; empty: it has been already. Absent: each by itself. */
  together?(record: SessionRecord): Promise<SessionRecord[]>
  end(): Promise<void>
}

/** A session as another library has stored it. */
export interface StoredSession {
  /** As the browser has it. */
  id: string
  /** JSON text, or what the database has made of it. */
  content: unknown
  /** When the database lets it end, in ms; undefined: it does not say. */
  endsAt?: number | undefined
}

export const PAGE = 500
