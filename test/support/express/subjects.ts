import { createRequire } from 'node:module'
import type { Loose } from '../subjects.ts'

// The peer says what it deprecates once in a process; that is no part of a trace.
process.env.NO_DEPRECATION = 'express-session'

/** The function that a library exports, with its properties. */
export interface SessionFunction {
  (options?: Loose): (req: Loose, res: Loose, next: (error?: unknown) => void) => void
  Store: Loose
  Cookie: Loose
  Session: Loose
  MemoryStore: Loose
}

export interface Subject {
  name: string
  session: SessionFunction
}

const require = createRequire(import.meta.url)
const { default: holdfastSession } = await import('holdfast/express')

export const peer: Subject = { name: 'express-session', session: require('express-session') }
export const holdfast: Subject = { name: 'holdfast', session: holdfastSession as unknown as SessionFunction }
