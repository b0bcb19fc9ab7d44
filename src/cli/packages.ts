import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CommandError, type Io } from './command.ts'

/** A package of the site: Holdfast brings no client of a database. `null`: it is not installed. */
export function sitePackage<T>(name: string, { cwd }: Pick<Io, 'cwd'>): T | null {
  const require = createRequire(join(cwd, 'package.json'))
  let path: string
  try {
    path = require.resolve(name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'MODULE_NOT_FOUND') return null
    throw error
  }
  return require(path) as T
}

/** The first of these that the site has. */
export function firstPackage<T>(names: readonly string[], scheme: string, io: Pick<Io, 'cwd'>): { name: string; module: T } {
  for (const name of names) {
    const module = sitePackage<T>(name, io)
    if (module) return { name, module }
  }
  const [first, ...others] = names.map(name => name.split('/')[0])
  const or = others.length > 0 ? ` (or ${others.join(', ')})` : ''
  throw new CommandError(`${scheme} needs a client, which this site does not have: npm install ${first}${or}`)
}
