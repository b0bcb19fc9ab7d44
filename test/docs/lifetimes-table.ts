// docs/lifetimes.md, made from the rows that the tests of promise 13 play: rule x place.
import { DAY, HOUR, holds, MINUTE, type Moment, type Row, rows } from '../promises/lifetimes.ts'
import { dropInCookie, dropInMap, dropInMemory, type Mode, nativeCookie, nativeMemory } from '../promises/support.ts'

interface Door {
  title: string
  framework: 'koa' | 'express'
  native: boolean
  places: readonly [mode: Mode, title: string][]
}

const HOLDFAST = 'Holdfast store'

const DOORS: readonly Door[] = [
  {
    title: 'Native mode',
    framework: 'koa',
    native: true,
    places: [
      [nativeCookie, 'cookie'],
      [nativeMemory, HOLDFAST],
    ],
  },
  {
    title: 'The drop-in on Koa',
    framework: 'koa',
    native: false,
    places: [
      [dropInCookie, 'cookie'],
      [dropInMap, 'koa-session store'],
      [dropInMemory, HOLDFAST],
    ],
  },
  {
    title: 'The drop-in on Express',
    framework: 'express',
    native: false,
    places: [
      [dropInMap, 'express-session store'],
      [dropInMemory, HOLDFAST],
    ],
  },
]

/** A span in the largest unit in which it is a whole number; what is left of a moment after a unit is told apart. */
function span(ms: number): string {
  if (ms % MINUTE === MINUTE - 1) return `1 ms before ${span(ms + 1)}`
  if (ms % MINUTE === 1 || ms % MINUTE === 2) return `${ms % MINUTE} ms after ${span(ms - (ms % MINUTE))}`
  if (ms % DAY === 0) return `${ms / DAY} d`
  if (ms % HOUR === 0) return `${ms / HOUR} h`
  return `${ms / MINUTE} min`
}

/** Options as the app writes them; times in words. */
function optionsOf({ options, login }: Row, { framework, native }: Door): string {
  const named = Object.entries(options).map(([name, value]) => {
    const option = name === 'maxAge' && framework === 'express' && !native ? 'cookie.maxAge' : name
    if (value === true) return `\`${option}\``
    return `\`${option}\` ${typeof value === 'number' ? span(value) : String(value)}`
  })
  const { remember, expiresIn } = login ?? {}
  if (remember !== undefined) named.push(`\`login\` with \`remember\`${remember === true ? '' : ` ${remember}`}`)
  else if (login) named.push('`login`')
  if (expiresIn !== undefined) named.push(`\`expiresAt\` in ${span(expiresIn)}`)
  return named.join(', ') || 'the defaults'
}

/** What is done when, and what is found. */
function momentsOf({ moments }: Row): string {
  const groups: Moment[][] = []
  for (const moment of moments) {
    const last = groups.at(-1)
    if (last && goesOn(last, moment)) last.push(moment)
    else groups.push([moment])
  }
  return groups.map(textOf).join('; ')
}

/** The same is done and found; and of more than three, in the same steps. */
function goesOn(group: readonly Moment[], [at, what, found]: Moment): boolean {
  const [first] = group as [Moment]
  if (first[1] !== what || first[2] !== found) return false
  return group.length < 3 || at === first[0] * (group.length + 1)
}

function textOf(group: readonly Moment[]): string {
  const [[at, what, found]] = group as [Moment]
  const verb = what === 'read' ? 'read' : 'written'
  if (group.length > 3) return `${verb} every ${span(at)} until ${span((group.at(-1) as Moment)[0])}: ${found}`
  return `${verb} ${group.map(([time]) => `${/^\d+ ms/.test(span(time)) ? '' : 'at '}${span(time)}`).join(', ')}: ${found}`
}

function tableOf(door: Door): string {
  const own = rows.filter(row => door.places.some(([mode]) => holds(row, door.framework, mode)))
  const titles = door.places.map(([, title]) => title)
  const lines = own.map(row => {
    const cells = door.places.map(([mode]) => (holds(row, door.framework, mode) ? 'yes' : '–'))
    return `| ${row.rule} | ${optionsOf(row, door)} | ${momentsOf(row)} | ${cells.join(' | ')} |`
  })
  return `## ${door.title}

| rule | options | what happens | ${titles.join(' | ')} |
| --- | --- | --- | ${titles.map(() => '---').join(' | ')} |
${lines.join('\n')}`
}

/** The whole page. */
export function lifetimesPage(): string {
  return `# Lifetimes

When a session ends, rule by rule. The server enforces every end, whatever the browser has kept. The tables are made from \`test/promises/lifetimes.ts\`: each **yes** is a test that plays what stands in its row over HTTP, on a clock that it moves. A **–** says that the rule is not about this place.

- **Idle**: \`idleTimeout\` after its last use. Reads count as use once in each \`touchInterval\`, writes always. A request whose handler does not look at the session is no use of it in cookie mode.
- **Absolute**: \`absoluteTimeout\` after it began, or after the login. Nothing moves it: no write, no \`rolling\`, \`renew\` or \`resave\`, no touch, no new id but that of a login.
- **Remembered**: \`login(userId, { remember: true })\` takes the place of both by \`rememberTimeout\`, for this session.
- **A drop-in's \`maxAge\`** counts by its peer's rules, and Holdfast's own timeouts stand beside it. Each end counts by itself and none moves another: the soonest ends the session.

${DOORS.map(tableOf).join('\n\n')}

In the drop-in on Koa every row about a cookie holds for an encrypted one (\`encrypt: true\`) too, except that of \`maxAge: 'session'\` alone: an encrypted cookie ends a day after it was written.

What a drop-in's timeouts need beside the peer's own fields is in one place that the peer ignores: \`_holdfast\` in koa-session's data, \`cookie._holdfast\` in express-session's. \`createdAt\` is there while \`absoluteTimeout\` is set, \`touchedAt\` while \`idleTimeout\` or \`touchInterval\` is, and what a login has said as long as the login lasts. A session from before such an option was set has nothing there: both times begin with the first request that sees it, which writes them down. A record in a Holdfast store says when it began, and its absolute end counts from there at once. What the peer itself writes has none of it any more. A copy of a cookie from before has its old life each time it is sent; only new keys end it. An encrypted cookie says itself when it was written: one that is older than \`absoluteTimeout\` is not read.
`
}
