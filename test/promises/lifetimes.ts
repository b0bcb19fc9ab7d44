// Promise 13 as data: each row is one rule of a session's life, and what becomes of a session that is used at these moments. The tests
// and the table in docs/sessions.md are made from it.
import type { Driver, Mode } from './support.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/**
 * What happens at a moment, and whether the session is found alive: read it, write it, or read or write it by a request that a
 * page makes by itself.
 */
export type Moment = [after: number, what: 'read' | 'write' | 'poll' | 'poll-write', found: 'lives' | 'ended']

export interface Row {
  /** In words, as the docs have it. */
  rule: string
  on: 'native' | 'koa' | 'express'
  /** Only in these places; absent: in all. */
  places?: ReadonlyArray<Mode['place']>
  /** Options of `createSessions`, or of the drop-in; koa-session's words also stand for express-session's `cookie`. */
  options: Record<string, unknown>
  /** Not in an encrypted cookie of the drop-in. */
  notSealed?: true
  /** How the session begins: anonymous, or with a login and these options. */
  login?: { remember?: boolean | string; expiresIn?: number }
  moments: readonly Moment[]
}

const isPoll = ({ path }: { path: string }): boolean => path.startsWith('/poll')

const used = (every: number, until: number, what: 'read' | 'write' = 'read'): Moment[] =>
  Array.from({ length: Math.floor(until / every) }, (_, i) => [(i + 1) * every, what, 'lives'])

export const rows: readonly Row[] = [
  {
    rule: 'idle: it lives for idleTimeout after its last use, and ends a moment later',
    on: 'native',
    options: { idleTimeout: '30m' },
    moments: [
      [30 * MINUTE, 'read', 'lives'],
      [60 * MINUTE, 'read', 'lives'],
      [90 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'absolute: however often it is read, it ends after absoluteTimeout',
    on: 'native',
    options: { idleTimeout: '30m', absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'absolute: a write does not move it either',
    on: 'native',
    options: { idleTimeout: '30m', absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR, 'write'), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'touchInterval: a read within it lengthens nothing',
    on: 'native',
    options: { idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE - 1, 'read', 'lives'],
      [30 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'touchInterval: the first read after it does',
    on: 'native',
    options: { idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE, 'read', 'lives'],
      [40 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'touchInterval: a write always does',
    on: 'native',
    options: { idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [MINUTE, 'write', 'lives'],
      [31 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'passive: a poll lengthens nothing, however often, and whatever it writes',
    on: 'native',
    options: { idleTimeout: '30m', passive: isPoll },
    moments: [
      [10 * MINUTE, 'poll', 'lives'],
      [20 * MINUTE, 'poll-write', 'lives'],
      [30 * MINUTE, 'poll', 'lives'],
      [30 * MINUTE + 1, 'poll', 'ended'],
    ],
  },
  {
    rule: 'passive: what is no poll counts from then on',
    on: 'native',
    options: { idleTimeout: '30m', passive: isPoll },
    moments: [
      [20 * MINUTE, 'read', 'lives'],
      [40 * MINUTE, 'poll', 'lives'],
      [50 * MINUTE, 'poll-write', 'lives'],
      [50 * MINUTE + 1, 'poll', 'ended'],
    ],
  },
  {
    rule: 'anonymousTimeout: who has not logged in is kept for a shorter time',
    on: 'native',
    options: { idleTimeout: '6h', anonymousTimeout: '2h' },
    moments: [
      [2 * HOUR, 'read', 'lives'],
      [4 * HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'anonymousTimeout: it does not concern who has',
    on: 'native',
    options: { idleTimeout: '6h', anonymousTimeout: '2h' },
    login: {},
    moments: [[6 * HOUR, 'read', 'lives']],
  },
  {
    rule: 'remember: it lives for rememberTimeout without any use, past idleTimeout and absoluteTimeout, and not longer',
    on: 'native',
    options: { rememberTimeout: '30d' },
    login: { remember: true },
    moments: [
      [29 * DAY, 'read', 'lives'],
      [30 * DAY, 'read', 'lives'],
      [30 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'remember: a time of its own',
    on: 'native',
    options: { rememberTimeout: '30d' },
    login: { remember: '7d' },
    moments: [
      [7 * DAY, 'read', 'lives'],
      [7 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'expiresAt: it ends then at the latest',
    on: 'native',
    options: { idleTimeout: '30m' },
    login: { expiresIn: 45 * MINUTE },
    moments: [
      [20 * MINUTE, 'write', 'lives'],
      [45 * MINUTE, 'read', 'lives'],
      [45 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'expiresAt: it also ends who is to be remembered',
    on: 'native',
    options: {},
    login: { remember: true, expiresIn: DAY },
    moments: [
      [DAY, 'read', 'lives'],
      [DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'expiresAt: a later one lengthens nothing',
    on: 'native',
    options: { idleTimeout: '30m', absoluteTimeout: '30m' },
    login: { expiresIn: DAY },
    moments: [[30 * MINUTE + 1, 'read', 'ended']],
  },
  {
    rule: 'rotate: a new id is no new life',
    on: 'native',
    places: ['memory'],
    options: { idleTimeout: '30m', absoluteTimeout: '2h', rotate: '10m' },
    moments: [...used(20 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'maxAge: a read lengthens nothing',
    on: 'koa',
    options: { maxAge: HOUR },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'maxAge: a write begins it anew',
    on: 'koa',
    options: { maxAge: HOUR },
    moments: [
      [50 * MINUTE, 'write', 'lives'],
      [110 * MINUTE, 'read', 'lives'],
      [110 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'rolling: a read begins it anew',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [110 * MINUTE, 'read', 'lives'],
      [170 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'passive: a poll does not, with rolling or without, and whatever it writes',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true, passive: isPoll },
    moments: [
      [20 * MINUTE, 'poll', 'lives'],
      [40 * MINUTE, 'poll-write', 'lives'],
      [HOUR, 'poll', 'lives'],
      [HOUR + 1, 'poll', 'ended'],
    ],
  },
  {
    rule: 'renew: a read in the first half lengthens nothing',
    on: 'koa',
    options: { maxAge: HOUR, renew: true },
    moments: [
      [30 * MINUTE, 'read', 'lives'],
      [HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'renew: a read in the second half begins it anew',
    on: 'koa',
    options: { maxAge: HOUR, renew: true },
    moments: [
      [30 * MINUTE + 1, 'read', 'lives'],
      [90 * MINUTE + 1, 'read', 'lives'],
    ],
  },
  {
    rule: 'without maxAge it lives for a day after it was written',
    on: 'koa',
    options: {},
    moments: [
      [DAY, 'read', 'lives'],
      [DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: "maxAge 'session': until the browser closes; the server knows no end",
    on: 'koa',
    places: ['cookie', 'map'],
    options: { maxAge: 'session' },
    notSealed: true,
    moments: [[300 * DAY, 'read', 'lives']],
  },
  {
    rule: "maxAge 'session': with a Holdfast store for a day after it was written, too",
    on: 'koa',
    places: ['memory'],
    options: { maxAge: 'session' },
    moments: [
      [DAY, 'read', 'lives'],
      [DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout: it ends this time after its last use, which may be a read',
    on: 'koa',
    options: { maxAge: DAY, idleTimeout: '30m' },
    moments: [
      [20 * MINUTE, 'read', 'lives'],
      [50 * MINUTE, 'read', 'lives'],
      [80 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout: reads do not move the end that maxAge gives',
    on: 'koa',
    options: { maxAge: HOUR, idleTimeout: '30m' },
    moments: [...used(20 * MINUTE, HOUR), [HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout: writes do',
    on: 'koa',
    options: { maxAge: HOUR, idleTimeout: '30m' },
    moments: [...used(20 * MINUTE, 2 * HOUR, 'write'), [150 * MINUTE, 'read', 'lives'], [180 * MINUTE + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout and rolling: it lives as long as it is used, and ends sooner than maxAge',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true, idleTimeout: '30m' },
    moments: [...used(25 * MINUTE, 150 * MINUTE), [180 * MINUTE, 'read', 'lives'], [210 * MINUTE + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout and renew: it lives as long as it is used, and ends sooner than maxAge',
    on: 'koa',
    options: { maxAge: HOUR, renew: true, idleTimeout: '30m' },
    moments: [...used(25 * MINUTE, 150 * MINUTE), [180 * MINUTE + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout: one that is longer than maxAge changes nothing',
    on: 'koa',
    options: { maxAge: HOUR, idleTimeout: '2h' },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout: without maxAge it takes its place',
    on: 'koa',
    options: { idleTimeout: '2d' },
    moments: [
      [2 * DAY, 'read', 'lives'],
      [4 * DAY, 'read', 'lives'],
      [6 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout and renew: without maxAge it takes its place as well',
    on: 'koa',
    options: { idleTimeout: '30m', renew: true },
    moments: [
      [14 * MINUTE, 'read', 'lives'],
      [44 * MINUTE, 'read', 'lives'],
      [74 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: "idleTimeout: it ends what maxAge 'session' leaves open",
    on: 'koa',
    options: { maxAge: 'session', idleTimeout: '30m' },
    moments: [
      [30 * MINUTE, 'read', 'lives'],
      [60 * MINUTE, 'read', 'lives'],
      [90 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'absoluteTimeout: rolling does not move it',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true, absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'absoluteTimeout: renew does not move it',
    on: 'koa',
    options: { maxAge: HOUR, renew: true, absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'absoluteTimeout: a write does not move it',
    on: 'koa',
    options: { maxAge: HOUR, absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR, 'write'), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: "absoluteTimeout: it ends what maxAge 'session' leaves open",
    on: 'koa',
    options: { maxAge: 'session', absoluteTimeout: '2h' },
    moments: [
      [2 * HOUR, 'read', 'lives'],
      [2 * HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout and absoluteTimeout: the sooner end counts',
    on: 'koa',
    options: { maxAge: DAY, idleTimeout: '30m', absoluteTimeout: '2h' },
    moments: [...used(25 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'touchInterval and rolling: a read within it lengthens nothing',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true, touchInterval: '10m' },
    moments: [
      [10 * MINUTE - 1, 'read', 'lives'],
      [HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'touchInterval and rolling: the first read after it begins maxAge anew',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true, touchInterval: '10m' },
    moments: [
      [10 * MINUTE, 'read', 'lives'],
      [70 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'touchInterval and idleTimeout: a read within it is no use',
    on: 'koa',
    options: { maxAge: DAY, idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE - 1, 'read', 'lives'],
      [30 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'touchInterval and idleTimeout: the first read after it is one',
    on: 'koa',
    options: { maxAge: DAY, idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE, 'read', 'lives'],
      [40 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'remember: it lives for rememberTimeout without any use, past maxAge, idleTimeout and absoluteTimeout, and not longer',
    on: 'koa',
    options: { maxAge: HOUR, idleTimeout: '30m', absoluteTimeout: '12h', rememberTimeout: '30d' },
    login: { remember: true },
    moments: [
      [29 * DAY, 'write', 'lives'],
      [30 * DAY, 'read', 'lives'],
      [30 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'remember: without the other options',
    on: 'koa',
    options: { maxAge: HOUR },
    login: { remember: '7d' },
    moments: [
      [6 * DAY, 'write', 'lives'],
      [7 * DAY, 'read', 'lives'],
      [7 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'expiresAt: it ends then at the latest',
    on: 'koa',
    options: { maxAge: HOUR, rolling: true },
    login: { expiresIn: 90 * MINUTE },
    moments: [
      [50 * MINUTE, 'write', 'lives'],
      [90 * MINUTE, 'read', 'lives'],
      [90 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'cookie.maxAge: each use begins it anew in the store',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [110 * MINUTE, 'read', 'lives'],
      [170 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'rolling: the same, and in the browser too',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, rolling: true },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [110 * MINUTE, 'read', 'lives'],
      [170 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'passive: a poll lengthens nothing, however often, and whatever it writes',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, rolling: true, passive: isPoll },
    moments: [
      [20 * MINUTE, 'poll', 'lives'],
      [40 * MINUTE, 'poll-write', 'lives'],
      [HOUR, 'poll', 'lives'],
      [HOUR + 1, 'poll', 'ended'],
    ],
  },
  {
    rule: 'resave: it changes nothing here',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, resave: true },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [110 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'without cookie.maxAge it lives for a day after its last use',
    on: 'express',
    places: ['memory'],
    options: {},
    moments: [
      [DAY, 'read', 'lives'],
      [2 * DAY, 'read', 'lives'],
      [3 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'with an express-session store the store says when it ends',
    on: 'express',
    places: ['map'],
    options: { maxAge: HOUR },
    moments: [[300 * DAY, 'read', 'lives']],
  },
  {
    rule: 'idleTimeout: it ends this time after its last use, which may be a read',
    on: 'express',
    options: { maxAge: DAY, idleTimeout: '30m' },
    moments: [
      [20 * MINUTE, 'read', 'lives'],
      [50 * MINUTE, 'read', 'lives'],
      [80 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout: with resave, rolling and saveUninitialized as well',
    on: 'express',
    options: { maxAge: DAY, idleTimeout: '30m', resave: true, rolling: true, saveUninitialized: true },
    moments: [...used(25 * MINUTE, 150 * MINUTE), [180 * MINUTE + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout: without cookie.maxAge it takes its place',
    on: 'express',
    options: { idleTimeout: '2d' },
    moments: [
      [2 * DAY, 'read', 'lives'],
      [4 * DAY, 'read', 'lives'],
      [6 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'idleTimeout: one that is longer than cookie.maxAge changes nothing',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, idleTimeout: '2h' },
    moments: [
      [50 * MINUTE, 'read', 'lives'],
      [110 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'absoluteTimeout: reads do not move it',
    on: 'express',
    options: { maxAge: HOUR, absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'absoluteTimeout: writes, resave and rolling do not move it',
    on: 'express',
    options: { maxAge: HOUR, resave: true, rolling: true, absoluteTimeout: '2h' },
    moments: [...used(20 * MINUTE, 2 * HOUR, 'write'), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'idleTimeout and absoluteTimeout: the sooner end counts',
    on: 'express',
    options: { maxAge: DAY, idleTimeout: '30m', absoluteTimeout: '2h' },
    moments: [...used(25 * MINUTE, 2 * HOUR), [2 * HOUR + 1, 'read', 'ended']],
  },
  {
    rule: 'touchInterval: a read within it lengthens nothing',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, touchInterval: '10m' },
    moments: [
      [10 * MINUTE - 1, 'read', 'lives'],
      [HOUR + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'touchInterval: the first read after it does',
    on: 'express',
    places: ['memory'],
    options: { maxAge: HOUR, touchInterval: '10m' },
    moments: [
      [10 * MINUTE, 'read', 'lives'],
      [70 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'touchInterval and idleTimeout: a read within it is no use',
    on: 'express',
    options: { maxAge: DAY, idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE - 1, 'read', 'lives'],
      [30 * MINUTE + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'touchInterval and idleTimeout: the first read after it is one',
    on: 'express',
    options: { maxAge: DAY, idleTimeout: '30m', touchInterval: '10m' },
    moments: [
      [10 * MINUTE, 'read', 'lives'],
      [40 * MINUTE, 'read', 'lives'],
    ],
  },
  {
    rule: 'remember: it lives for rememberTimeout without any use, past cookie.maxAge, idleTimeout and absoluteTimeout, and not longer',
    on: 'express',
    options: { maxAge: HOUR, idleTimeout: '30m', absoluteTimeout: '12h', rememberTimeout: '30d' },
    login: { remember: true },
    moments: [
      [29 * DAY, 'write', 'lives'],
      [30 * DAY, 'read', 'lives'],
      [30 * DAY + 1, 'read', 'ended'],
    ],
  },
  {
    rule: 'expiresAt: it ends then at the latest',
    on: 'express',
    options: { maxAge: HOUR },
    login: { expiresIn: 90 * MINUTE },
    moments: [
      [50 * MINUTE, 'write', 'lives'],
      [90 * MINUTE, 'read', 'lives'],
      [90 * MINUTE + 1, 'read', 'ended'],
    ],
  },
]

export function holds({ on, places }: Row, framework: Driver['framework'], mode: Mode): boolean {
  return (on === 'native' ? mode.native : !mode.native && on === framework) && (places?.includes(mode.place) ?? true)
}
