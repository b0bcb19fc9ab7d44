// docs/promises.md, made from the names of the tests: mode x promise.
import type { TestName } from './test-names.ts'

const FRAMEWORKS = ['Koa', 'Express'] as const
type Framework = (typeof FRAMEWORKS)[number]

const MODES = [
  { on: 'Koa', title: 'drop-in, cookie', native: false, place: 'cookie' },
  { on: 'Koa', title: 'drop-in, koa-session store', native: false, place: 'peer' },
  { on: 'Koa', title: 'drop-in, Holdfast store', native: false, place: 'store' },
  { on: 'Koa', title: 'native, cookie', native: true, place: 'cookie' },
  { on: 'Koa', title: 'native, store', native: true, place: 'store' },
  { on: 'Express', title: 'drop-in, express-session store', native: false, place: 'peer' },
  { on: 'Express', title: 'drop-in, Holdfast store', native: false, place: 'store' },
  { on: 'Express', title: 'native, cookie', native: true, place: 'cookie' },
  { on: 'Express', title: 'native, store', native: true, place: 'store' },
] as const
type Mode = (typeof MODES)[number]

interface PromiseRow {
  title: string
  /** One sentence, true of every mode that has a yes. */
  text: string
  /** Modes that it says nothing about. */
  beside?: (mode: Mode) => boolean
  /** Modes that cannot keep it. */
  impossible?: (mode: Mode) => boolean
  /** The suite that shows it as a whole, for the frameworks that it is about; its tests need not bear the number. */
  suite?: string
}

const withoutStore = ({ place }: Mode) => place === 'cookie'
const withoutHoldfastStore = ({ place }: Mode) => place !== 'store'

export const PROMISES: Record<number, PromiseRow> = {
  1: {
    title: 'No lost update',
    text: 'Overlapping requests that change different keys keep each other’s changes; on the same path the later commit wins, or `conflict` decides; guarded keys are never mixed.',
    impossible: withoutHoldfastStore,
  },
  2: {
    title: 'Dead stays dead',
    text: 'After destroy, regenerate or expiry no save or touch of an older request brings the session back.',
    impossible: withoutHoldfastStore,
  },
  3: {
    title: 'Exactly N',
    text: 'N concurrent `update(draft => { draft.n++ })` give N.',
    impossible: withoutHoldfastStore,
  },
  4: {
    title: 'Saved before seen',
    text: 'No response header leaves before the store has accepted the write.',
    beside: withoutStore,
  },
  5: {
    title: 'No false success',
    text: 'If the save fails, the client never gets the handler’s 2xx or 3xx.',
    beside: withoutStore,
  },
  6: {
    title: 'Bounded waiting, quick recovery',
    text: 'A store that never answers fails within `storeTimeout`, and the first request after it is back works.',
    beside: withoutStore,
  },
  7: { title: 'The handler’s error survives', text: 'A commit that fails as well never hides the handler’s error.' },
  8: {
    title: 'Throwing is consistent',
    text: 'After a throw, record and cookie both exist or neither does; on Koa `Set-Cookie` survives the reset of headers.',
  },
  9: {
    title: '`regenerate()` done right',
    text: 'The new id counts at once; with a store the old id is dead when it returns, and with a peer’s store calls and order are the peer’s. The data are kept, but for the drop-in on Express, which drops them as express-session does.',
  },
  10: {
    title: 'Secure is never silent',
    text: 'A secure cookie on a request seen as http is one warning with cause and fix, no record and no 500; a native cookie never depends on the request.',
    beside: ({ native }) => native,
  },
  11: {
    title: 'Bad cookie settings are never silent',
    text: '`createSessions` and `strict: true` refuse what no browser would store; without `strict` the drop-in reports it once.',
  },
  12: {
    title: 'Oversize is loud',
    text: 'A cookie over 4,096 octets is a typed error with its size and largest keys; with a store the size of the data does not matter to the cookie.',
  },
  13: {
    title: 'One table of lifetimes',
    text: 'Every combination of idle, absolute, rolling, renew and touch is tested, and the server enforces it whatever the cookie says.',
  },
  14: {
    title: 'Cheap reads',
    text: 'N reads within `touchInterval` cause at most one write to the store.',
    beside: withoutStore,
  },
  15: {
    title: 'Untouched costs nothing',
    text: 'A skipped request makes no store call and no cookie, anonymous visitors write nothing, `Vary` and `Cache-Control` keep shared caches apart.',
  },
  16: {
    title: 'Log out everywhere',
    text: 'The sessions of one user can be listed and revoked, without a scan, and no login that is under way survives it. In cookie mode, with `revocations`, they can be revoked.',
    impossible: withoutHoldfastStore,
  },
  17: { title: 'Upgrade-safe reads', text: '`load(request)` reads a session from an upgrade request, and never creates or sets anything.' },
  18: { title: 'Streams intact', text: 'Streamed bodies are byte-identical, and an explicit save with the automatic commit is one write.' },
  19: {
    title: 'Pluggable transport',
    text: 'A token may travel otherwise than in a cookie: logout clears it, and no `Set-Cookie` is emitted then.',
    beside: ({ on, native, place }) => !native && (on === 'Express' || place === 'cookie'),
  },
  20: { title: 'N instances, no bleed', text: 'Two sessions in one app keep their own name, path, age and property.' },
  21: {
    title: 'A stolen database is not a login',
    text: 'A Holdfast store keeps only a SHA-256 of the id.',
    beside: withoutStore,
    impossible: ({ place }) => place === 'peer',
  },
  22: {
    title: 'Keys rotate without a logout',
    text: 'The newest key writes, all keys read, and an old key’s cookie is issued again; removing a key ends what it protected.',
  },
  23: {
    title: 'Types without tricks',
    text: 'You augment one interface or pass one type parameter; unknown keys are then type errors.',
    suite: 'test/types',
  },
  24: {
    title: 'Imports never flip',
    text: '`import` and `require`, default and named, are checked on the packed package.',
    suite: 'test/package',
  },
  25: {
    title: 'True drop-in',
    text: 'The differential tests against koa-session and express-session pass, and a swap in mid-conversation logs nobody out, in both directions.',
    beside: mode => mode.native || mode.place === 'store',
    suite: 'test/differential',
  },
  26: {
    title: 'Boring in operation',
    text: 'No timer holds the process, the memory store is bounded, any JSON key round-trips or is refused loudly, and no id shows in logs, errors or `inspect`.',
  },
}

/** Words that say which framework a test is about. */
const SPEAKS_OF: Record<Framework, RegExp> = { Koa: /\b(?:Koa|koa-session|ctx)\b/, Express: /\b(?:Express|express-session|connect)\b/ }

/** The modes that a test is about: the one that it names, or those that its words cover, or all. */
function modesOf({ name, file }: TestName): readonly Mode[] {
  const named = FRAMEWORKS.filter(framework => SPEAKS_OF[framework].test(name) || file.includes(`-${framework.toLowerCase()}.`))
  const among = MODES.filter(({ on }) => named.length === 0 || named.includes(on))
  const [, door, place] = /\b(drop-in|native), (\w+)/.exec(name) ?? []
  if (door && place) {
    const where = place === 'cookie' ? 'cookie' : place === 'Map' ? 'peer' : 'store'
    return among.filter(mode => mode.native === (door === 'native') && mode.place === where)
  }
  if (/\bnative\b|\bcreateSessions\b/.test(name)) return among.filter(mode => mode.native)
  return /\bdrop-in\b/.test(name) ? among.filter(mode => !mode.native) : among
}

function cell(row: PromiseRow, mode: Mode, shown: ReadonlySet<Mode>): string {
  if (row.impossible?.(mode)) return 'no'
  if (row.beside?.(mode)) return '–'
  if (shown.has(mode)) return 'yes'
  return 'not shown'
}

/** The numbers that a test bears: `promise 4: …`, `promises 4 and 7: …`. */
export function numbersIn(name: string): number[] {
  return [...name.matchAll(/\bpromises? ([\d, and]+)/g)].flatMap(match => (match[1]?.match(/\d+/g) ?? []).map(Number))
}

/** The folders of `test/` that are about each framework. */
export type Suites = Record<Framework, readonly string[]>

/** The rows of one framework's table, by the number of the promise. */
function rowsOf(framework: Framework, tests: readonly TestName[], suites: Suites): Map<number, string> {
  const modes = MODES.filter(({ on }) => on === framework)
  const rows = new Map<number, string>()
  for (const [number, row] of Object.entries(PROMISES)) {
    const own = tests.filter(test => numbersIn(test.name).includes(Number(number)) && modesOf(test).some(({ on }) => on === framework))
    const shown = new Set<Mode>(row.suite === undefined ? own.flatMap(modesOf) : suites[framework].includes(row.suite) ? modes : [])
    const files = row.suite === undefined ? own.map(({ file }) => file) : shown.size > 0 ? [row.suite] : []
    const where = [...new Set(files)].sort().map(path => `\`${path}\``)
    const cells = modes.map(mode => cell(row, mode, shown))
    rows.set(Number(number), `| ${number} | ${row.title} | ${cells.join(' | ')} | ${where.join('<br>') || '–'} |`)
  }
  return rows
}

function tableOf(framework: Framework, tests: readonly TestName[], suites: Suites): string {
  const titles = MODES.filter(({ on }) => on === framework).map(({ title }) => title)
  return `## On ${framework}

| | promise | ${titles.join(' | ')} | shown in |
| --- | --- | ${titles.map(() => '---').join(' | ')} | --- |
${[...rowsOf(framework, tests, suites).values()].join('\n')}`
}

/** The whole page. */
export function promisesPage(tests: readonly TestName[], suites: Suites): string {
  const tables = FRAMEWORKS.map(framework => tableOf(framework, tests, suites))
  const list = Object.entries(PROMISES).map(([number, { title, text }]) => `${number}. **${title}**. ${text}`)
  return `# Promises

What you may rely on, and in which mode. The tables are made from the names of the tests in \`test/promises\` and \`test/hard-cases\`, which run whole apps over HTTP. Those that speak of stores (1, 2, 3, 5, 6, 14, 16 and 21) run again on every store and its real server, in \`test/stores/promises\`; Files, MySQL, MongoDB, a Cluster and Sentinel in \`npm run test:full\`.

${list.join('\n')}

${tables.join('\n\n')}

- **yes**: a test that bears the promise's number shows it in this mode; for 23, 24 and 25 it is a whole suite.
- **no**: this mode cannot keep it, with Holdfast or with any other library.
- **not shown**: no test bears its number in this mode.
- **–**: it says nothing about this mode.

In cookie mode the browser keeps the later of two overlapping cookies whole, and a copy of a cookie works until it expires, also after a logout, unless \`revocations\` are kept.
A koa-session or express-session store has no compare-and-set, and sees ids as they are; against slower requests of the same process Holdfast keeps a logout final.
In the drop-in on Express 15 holds once \`saveUninitialized\` is \`false\`; with an express-session store 14 and 15 hold once \`resave\` is \`false\` and \`touchInterval\` is set as well: else the calls are express-session's. While such a store says that it is disconnected, requests have no session.
`
}
