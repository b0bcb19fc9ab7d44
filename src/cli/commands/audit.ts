import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Command, CommandError, type Io, UsageError } from '../command.ts'
import { example, json } from '../shared.ts'

interface Finding {
  standard: string
  id: string
  about: string
  status: 'met' | 'unmet' | 'app'
  text: string
  option?: string
}

/** What is used of a manager. It may be of another copy of this package. */
interface Manager {
  audit(): { findings: readonly Finding[] }
}

interface Options {
  export?: string
  strict?: true
  json?: true
}

/** `holdfast audit`: what OWASP, NIST and RFC 6265bis ask, and what the site's configuration does about it. */
export const audit: Command = {
  name: 'audit',
  summary: "judge a site's configuration by OWASP, NIST and RFC 6265bis",
  define(program, io) {
    json(program.usage('<module> [--export <name>] [--strict] [--json]'))
      .argument('[module]', 'a file that exports what createSessions has made; it is run')
      .option('--export <name>', 'by which name; default: the only one that is a manager')
      .option('--strict', 'exit with 1 if a requirement is unmet')
      .addHelpText('after', example('holdfast audit ./sessions.mjs --strict'))
      .action(async (path: string | undefined, options: Options) => {
        if (path === undefined) throw new UsageError('which module?')
        const { findings } = (await managerOf(path, options.export, io)).audit()
        const count = (status: Finding['status']) => findings.filter(finding => finding.status === status).length
        const counts = { met: count('met'), unmet: count('unmet'), app: count('app') }
        io.out(options.json ? JSON.stringify({ ...counts, findings }) : report(findings, counts, io))
        if (options.strict && counts.unmet > 0) throw new CommandError(`${counts.unmet} unmet`)
      })
  },
}

async function managerOf(path: string, name: string | undefined, { cwd }: Io): Promise<Manager> {
  const module = await load(resolve(cwd, path))
  // What CommonJS exports is below `default`.
  const exported = Object.entries({ ...(module.default as object | undefined), ...module })
  const managers = exported.filter(([, value]) => isManager(value)) as [string, Manager][]
  if (name !== undefined) {
    const named = managers.find(([one]) => one === name)
    if (!named) throw new CommandError(`the module has no manager of createSessions by that name`)
    return named[1]
  }
  const different = new Set(managers.map(([, manager]) => manager))
  if (different.size === 0) throw new CommandError('the module exports no manager: export what createSessions returns')
  if (different.size > 1) throw new UsageError(`which of them? --export ${managers.map(([one]) => one).join(', --export ')}`)
  return (managers[0] as [string, Manager])[1]
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (cause) {
    throw new CommandError('the module cannot be loaded', { cause })
  }
}

function isManager(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.for('holdfast.sessions') in value
}

const COLOURS = { met: 32, unmet: 31, app: 33 } as const

function report(findings: readonly Finding[], { met, unmet, app }: Record<Finding['status'], number>, { colour }: Io): string {
  const paint = (status: Finding['status']) => (colour ? `\u001b[${COLOURS[status]}m${status.padEnd(5)}\u001b[39m` : status.padEnd(5))
  const lines = findings.map(({ standard, id, about, status, text, option }) => {
    const by = option === undefined ? '' : ` (${option})`
    return `${paint(status)}  ${standard} ${id}: ${about}. ${text}${by}`
  })
  return [...lines, `${met} met, ${unmet} unmet, ${app} for the app`].join('\n')
}
