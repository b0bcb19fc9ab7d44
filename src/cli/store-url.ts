import type { Command as Program } from 'commander'
import { type Io, UsageError } from './command.ts'
import { readSecret } from './secrets.ts'

/** Where sessions are: which kind of database, what its client is told, and which part of the database is meant. */
export type StoreAddress =
  | { kind: 'redis' | 'postgres' | 'mysql' | 'mongodb'; url: string; part: StorePart }
  | { kind: 'sqlite' | 'file'; path: string; part: StorePart }

/** What stands behind `#` in a store's URL. */
export interface StorePart {
  /** Redis: what all keys begin with. */
  prefix?: string
  /** PostgreSQL, MySQL, SQLite. */
  table?: string
  /** MongoDB. */
  collection?: string
}

const SCHEMES: Readonly<Record<string, StoreAddress['kind']>> = {
  redis: 'redis',
  rediss: 'redis',
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mongodb: 'mongodb',
  'mongodb+srv': 'mongodb',
  sqlite: 'sqlite',
  file: 'file',
}

const PARTS: Readonly<Record<StoreAddress['kind'], readonly (keyof StorePart)[]>> = {
  redis: ['prefix'],
  postgres: ['table'],
  mysql: ['table'],
  mongodb: ['collection'],
  sqlite: ['table'],
  file: [],
}

const KNOWN = 'redis://, rediss://, postgres://, mysql://, mongodb://, sqlite:PATH or file:PATH'
/** What may hold a secret in the query of a URL, as pg and the driver of MongoDB read it. */
const SECRET_NAME = /pass|pwd|secret|token|key/i

/** The options by which a command is told of a store; `name` is `store`, `from` or `to`. */
export function storeOptions(program: Program, name: string, what: string): Program {
  return program
    .option(`--${name} <url>`, `${what}, without a password; - reads it from standard input`)
    .option(`--${name}-env <name>`, 'the same from an environment variable')
    .option(`--${name}-file <path>`, 'the same from a file')
}

/** What the caller has said by these options. A password as an argument is refused: other users of the machine could read it. */
export async function storeAddress(name: string, options: Readonly<Record<string, unknown>>, io: Io): Promise<StoreAddress> {
  const [url, env, file] = ['', 'Env', 'File'].map(end => options[`${name}${end}`] as string | undefined)
  const given = [url, env, file].filter(value => value !== undefined)
  if (given.length !== 1) throw new UsageError(`which store? One of --${name}, --${name}-env and --${name}-file is needed`)
  if (url !== undefined && url !== '-') {
    if (holdsSecret(url)) {
      throw new UsageError(
        `--${name}: a URL with a password is not taken as an argument, where every user of this machine can read it: ` +
          `use --${name}-env NAME, --${name}-file PATH, or --${name} - for standard input`,
      )
    }
    return parseStoreUrl(url, `--${name}`)
  }
  const text = await readSecret({ env, file, input: url === '-' }, `the URL of --${name}`, io)
  io.secrets.add(text, ...secretsOf(text))
  return parseStoreUrl(text, `the URL of --${name}`)
}

/** @throws {UsageError} which never repeats the text. */
function parseStoreUrl(text: string, what: string): StoreAddress {
  const at = text.indexOf('#')
  const url = at === -1 ? text : text.slice(0, at)
  const kind = SCHEMES[/^([a-z+]+):/.exec(url)?.[1] ?? '']
  if (!kind) throw new UsageError(`${what} is no store: it must begin with ${KNOWN}`)
  const part = partOf(kind, at === -1 ? '' : text.slice(at + 1), what)
  if (kind !== 'sqlite' && kind !== 'file') {
    if (!/^[a-z+]+:\/\/[^/?#\s]/.test(url)) throw new UsageError(`${what} names no server`)
    return { kind, url, part }
  }
  const path = url.slice(kind.length + 1).replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.startsWith('//')) throw new UsageError(`${what} names no path: ${kind}:PATH`)
  return { kind, path, part }
}

function partOf(kind: StoreAddress['kind'], text: string, what: string): StorePart {
  const part: StorePart = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const known = PARTS[kind].find(one => one === name)
    if (!known || value === '') {
      const which = PARTS[kind].map(one => `#${one}=…`).join(' or ') || 'nothing'
      throw new UsageError(`${what}: behind # there may be ${which}`)
    }
    part[known] = value
  }
  return part
}

/** The part between `//` and `@`. A password may hold an @ that should have been escaped. */
const userInfo = (url: string) => /^[^:/?#]+:\/\/(.*)@/.exec(url)?.[1] ?? ''

function holdsSecret(url: string): boolean {
  return userInfo(url).includes(':') || queryOf(url).some(([name, value]) => SECRET_NAME.test(name) && value !== '')
}

function queryOf(url: string): [name: string, value: string][] {
  const at = url.indexOf('?')
  return at === -1 ? [] : [...new URLSearchParams(url.slice(at + 1).replace(/#.*$/, ''))]
}

/** As they stand in the URL, and as a client understands them. */
function secretsOf(url: string): string[] {
  const password = userInfo(url).split(':').slice(1).join(':')
  const hidden = queryOf(url).filter(([name]) => SECRET_NAME.test(name))
  return [password, unescaped(password), ...hidden.map(([, value]) => value)].filter(text => text !== '')
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
