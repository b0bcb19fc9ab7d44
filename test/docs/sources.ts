// What the sources declare, as far as the pages must name it.
import { readdirSync } from 'node:fs'
import { root, textOf } from './pages.ts'

/** The members of an interface or class body in a file, in order. */
export function membersOf(file: string, name: string): string[] {
  const [, head = '', body] = new RegExp(`(?:interface|class) ${name}\\b([^{]*)\\{\\n([\\s\\S]*?)\\n\\}`).exec(textOf(file)) ?? []
  if (body === undefined) throw new Error(`${file} declares no ${name}`)
  const from = / extends Policies\b/.test(head) ? 'src/core/policies.ts' : 'src/pages/page-options.ts'
  const parent = / extends (Policies|CommonOptions)\b/.exec(head)?.[1]
  const inherited = parent === undefined ? [] : membersOf(from, parent)
  const names = [...body.matchAll(/^ {2}(?:readonly |async |get )*(\w+)\??(?:<[^>]*>)?[:(]/gm)].map(match => match[1] as string)
  return [...new Set([...inherited, ...names])].filter(member => member !== 'constructor')
}

export interface ErrorClass {
  name: string
  /** Absent for the base. */
  code: string
  /** 409, or what the class says where it depends. */
  status: string
}

export function errorClasses(text = textOf('src/core/errors.ts')): ErrorClass[] {
  return text
    .split(/^export class /m)
    .slice(1)
    .map(part => ({
      name: /^\w+/.exec(part)?.[0] ?? '',
      code: /'(HOLDFAST_\w+)'/.exec(part)?.[1] ?? '–',
      status: /this\.status = /.test(part) ? '500, or the cause’s' : (/status(?:: number)? = (\d{3})/.exec(part)?.[1] ?? '500'),
    }))
}

/** Each event with the reasons that the engine gives. */
export function eventReasons(): Map<string, Set<string>> {
  const names = /type SessionEventName =([\s\S]*?)\n\n/.exec(textOf('src/core/events.ts'))?.[1] ?? ''
  const events = new Map([...names.matchAll(/'(\w+:\w+)'/g)].map(match => [match[1] as string, new Set<string>()]))
  const gone = [...(/type GoneReason = (.*)/.exec(textOf('src/core/record.ts'))?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
    match => match[1] as string,
  )
  // Reasons that are no literal, by the expression that stands for them.
  const known: Record<string, string[]> = {
    'found.gone': gone,
    expired: ['idle', 'absolute'],
    skew: ['ahead', 'behind'],
    operation: ['load', 'touch'],
    action: [...(/type AdminAction = (.*)/.exec(textOf('src/pages/admin.ts'))?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
      match => match[1] as string,
    ),
  }
  // Who tells of them: the engine, native mode, the pages, and where they are put together.
  const engine = ['core', 'native', 'pages'].flatMap(folder => readdirSync(`${root}src/${folder}`).map(name => `src/${folder}/${name}`))
  const texts = [...engine.filter(path => path.endsWith('.ts')), 'src/create.ts'].map(textOf)
  for (const [, event = '', reason = ''] of texts
    .join('')
    .matchAll(/(?:emit|tell)\('(\w+:\w+)', (?:describeEvent\()?\{ reason: ([^,}\s]+)/g)) {
    const reasons = /^'(\w+)'$/.exec(reason)?.slice(1) ?? known[reason]
    if (!reasons) throw new Error(`${event} has a reason that test/docs/sources.ts does not know: ${reason}`)
    for (const one of reasons) events.get(event)?.add(one)
  }
  return events
}

/** The codes of all warnings: every code of the sources that is no error's. */
export function warningCodes(): string[] {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const codes = files.flatMap(name => [...textOf(`src/${name}`).matchAll(/['`](HOLDFAST_[A-Z_]+)\b/g)].map(match => match[1] as string))
  const ofErrors = new Set(errorClasses().map(({ code }) => code))
  return [...new Set(codes)].filter(code => !ofErrors.has(code)).sort()
}

/** The literals that a file gives to what its caller leaves out: `{ maxSessions = 100_000 } = options`. */
export function defaultsIn(file: string): Map<string, string> {
  const found = [...textOf(file).matchAll(/[{,]\s(\w+) = ('[^']*'|true|false|[\d_]+)(?=[,\s])/g)]
  return new Map(found.map(([, name = '', value = '']) => [name, value.replaceAll('_', '')]))
}
