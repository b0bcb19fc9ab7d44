import type { Loose } from '../subjects.ts'
import { type ExpressRecorder, seenByStore } from './recorder.ts'

type Method = 'get' | 'set' | 'destroy' | 'touch'
type Done = (error?: unknown, value?: unknown) => void

export interface StoreKind {
  /** Default true. */
  touch?: boolean
  /** Answers in the call itself. Default: after it. */
  atOnce?: boolean
  /** Writes on the objects that it gets, as some stores do. */
  scribbles?: boolean
}

/** A store with express-session's four methods; it writes down each call and can be told to fail. */
export interface RecordingStore {
  records: Map<string, string>
  /** What a method answers as its error; one at a time, or until it is taken out. */
  fails: Partial<Record<Method, unknown>>
  /** What a method throws instead of answering. */
  throws: Partial<Record<Method, unknown>>
  /** What `get` answers instead of the record. */
  answers: { get?: unknown }
  [name: string]: Loose
}

/** Makes one on the base class of a library. Those of two libraries can keep their records in one place. */
export function recordingStore(Base: Loose, recorder: ExpressRecorder, records: Map<string, string>, kind: StoreKind): RecordingStore {
  const store = Object.assign(new Base(), { records, fails: {}, throws: {}, answers: {} }) as RecordingStore

  function answer(method: Method, done: Done | undefined, act: () => unknown): void {
    if (method in store.throws) throw store.throws[method]
    const run = () => {
      const error = store.fails[method]
      if (error) return done?.(error)
      const value = act()
      done?.(null, value)
    }
    if (kind.atOnce) run()
    else setImmediate(run)
  }

  const write = (method: 'set' | 'touch', id: string, session: Loose, done: Done | undefined) => {
    recorder.record(`store.${method}`, [id, seenByStore(session), typeof done])
    const text = JSON.stringify(session)
    if (kind.scribbles) Object.assign(session, { scribble: 'by the store', __v: 1 })
    answer(method, done, () => {
      if (method === 'set') records.set(id, text)
      else if (records.has(id))
        records.set(id, JSON.stringify({ ...JSON.parse(records.get(id) as string), cookie: JSON.parse(text).cookie }))
    })
  }

  Object.assign(store, {
    get(id: string, done: Done) {
      recorder.record('store.get', [id, typeof done])
      answer('get', done, () => {
        if ('get' in store.answers) return store.answers.get
        const text = records.get(id)
        return text === undefined ? undefined : JSON.parse(text)
      })
    },
    set: (id: string, session: Loose, done?: Done) => write('set', id, session, done),
    ...(kind.touch !== false && { touch: (id: string, session: Loose, done?: Done) => write('touch', id, session, done) }),
    destroy(id: string, done?: Done) {
      recorder.record('store.destroy', [id])
      answer('destroy', done, () => void records.delete(id))
    },
  })
  return store
}
