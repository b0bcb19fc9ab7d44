import { full } from '../../support/full.ts'
import type { Loose } from '../../support/subjects.ts'
import type { ExpressMajor } from './libraries.ts'

const MAX_AGE = 60_000
const flags = [false, true]

/** The options by which it is decided what is written when. */
const every: Loose[] = flags.flatMap(resave =>
  flags.flatMap(saveUninitialized => flags.map(rolling => ({ resave, saveUninitialized, rolling, cookie: { maxAge: MAX_AGE } }))),
)
/** Each two of them in each combination. */
const pairs = every.filter(({ resave, saveUninitialized, rolling }) => (resave !== saveUninitialized) === rolling)
const untilItCloses = { resave: false, saveUninitialized: false }
const ended = { resave: false, saveUninitialized: false, unset: 'destroy', cookie: { maxAge: MAX_AGE, sameSite: 'lax' } }
/** As the peer does by default. */
const byDefault = { resave: true, saveUninitialized: true, rolling: false, cookie: { maxAge: MAX_AGE } }

export function settingsFor(major: ExpressMajor, all: boolean): Loose[] {
  if (full || (all && major === 5)) return [...every, untilItCloses, ended]
  return major === 5 ? [...pairs.slice(0, 2), ended] : [byDefault]
}

export const nameOf = (options: Loose) => JSON.stringify(options).replaceAll('"', '').slice(1, -1)
