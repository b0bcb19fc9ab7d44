import type { Command, Io } from '../command.ts'
import { UsageError } from '../command.ts'
import { readCookie } from '../inspect/cookie.ts'
import { inspectCookie } from '../inspect/formats.ts'
import type { CookieReport } from '../inspect/report.ts'
import { readSecret } from '../secrets.ts'
import { example, isoTime, json, lines } from '../shared.ts'
import { DEFAULT_SCOPE } from '../store-admin.ts'

interface Options {
  file?: string
  name?: string
  scope?: string
  keysEnv?: string
  keysFile?: string
  data?: true
  json?: true
}

/** `holdfast inspect`: what a cookie is. It is a login, so it is never an argument. */
export const inspect: Command = {
  name: 'inspect',
  summary: 'say what a cookie is, and whether a key opens it',
  define(program, io) {
    json(program.usage('[--file <path>] [--name <name>] [--keys-env <name>] [--data] [--json] < cookie'))
      .option('--file <path>', 'the cookie, from this file; default: standard input. A value, name=value, or a Cookie header')
      .option('--name <name>', "the cookie's name, where only its value is given, or which one of several is meant")
      .option('--scope <name>', 'the option scope of createSessions, where the site has set one')
      .option('--keys-env <name>', "the site's secrets, newest first: one a line, or a JSON list, in this environment variable")
      .option('--keys-file <path>', 'the same in a file')
      .option('--data', "show the session's data too")
      .addHelpText('after', example('pbpaste | holdfast inspect --keys-env SESSION_KEYS'))
      .action((options: Options) => run(options, io))
  },
}

async function run({ file, name, scope, data, json, ...from }: Options, io: Io): Promise<void> {
  const text = await readSecret(file === undefined ? { input: true } : { file }, 'the cookie', io)
  io.secrets.add(text)
  const cookie = readCookie(text, name)
  const keys = await keysFrom(from, io)
  const report = inspectCookie(cookie, { scope: scope ?? cookie.name ?? DEFAULT_SCOPE, keys, data: data === true, now: io.now() })
  io.out(json ? JSON.stringify(timed(report)) : textOf(report))
}

async function keysFrom({ keysEnv: env, keysFile: file }: Pick<Options, 'keysEnv' | 'keysFile'>, io: Io): Promise<string[]> {
  if (env === undefined && file === undefined) return []
  if (env !== undefined && file !== undefined) throw new UsageError('--keys-env or --keys-file, not both')
  const text = await readSecret({ env, file }, 'the keys', io)
  const keys = listIn(text) ?? text.split(/\r?\n/).filter(line => line !== '')
  io.secrets.add(...keys)
  return keys
}

function listIn(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every(key => typeof key === 'string') ? list : undefined
  } catch {
    return undefined
  }
}

const TIMES = ['beganAt', 'issuedInHour', 'issuedAt', 'expiresAt'] as const

function timed(report: CookieReport): object {
  const times = TIMES.flatMap(name => (report[name] === undefined ? [] : [[name, isoTime(report[name])]]))
  return { ...report, ...Object.fromEntries(times) }
}

function textOf(report: CookieReport): string {
  const { format, about, octets, keyId, originKeyId, expired, opens, olderKey, data, userId } = report
  const time = (name: (typeof TIMES)[number]) => (report[name] === undefined ? undefined : isoTime(report[name]))
  const rows: [string, string | undefined][] = [
    ['format', `${format}: ${about}`],
    ['octets', String(octets)],
    ['key id', keyId],
    ['first key id', originKeyId === keyId ? undefined : originKeyId],
    ['began', time('beganAt')],
    ['issued', time('issuedAt') ?? (report.issuedInHour === undefined ? undefined : `in the hour from ${time('issuedInHour')}`)],
    ['expires', time('expiresAt') && `${time('expiresAt')}${expired ? ', which has passed' : ''}`],
    [
      'opens',
      opens === undefined
        ? 'nobody can say without a key and a signature'
        : opens
          ? `yes, by ${olderKey ? 'an older' : 'the newest'} key`
          : 'no: by none of the keys',
    ],
    ['user', userId && JSON.stringify(userId)],
    ['data', data === undefined ? undefined : JSON.stringify(data)],
  ]
  return lines(rows.filter((row): row is [string, string] => row[1] !== undefined))
}
