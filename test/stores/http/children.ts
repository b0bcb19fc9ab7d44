import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { keys, Visitor } from '../../promises/support.ts'
import { ServerProcess } from '../../servers/process.ts'
import type { OpenOptions } from '../opened.ts'
import { clientFile, type Subject, subjects } from '../subjects.ts'
import { range, type Stage } from './stage.ts'

const script = fileURLToPath(new URL('./child.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface ChildSetup {
  /** The store's file in `clients/`. */
  module: string
  open: OpenOptions
  keys: string[]
  native: boolean
  /** More options of `createSessions`. */
  more: object
}

export interface Child {
  visitor(): Visitor
  /** SIGKILL: nothing of it is tidied up. */
  crash(): Promise<void>
}

/**
 * Processes of one site, each an app on the built package with a store client of its own, until the test has finished. Where a place has
 * several client libraries, they take turns.
 */
export async function startChildren(stage: Stage, count: number, more: object = {}): Promise<Child[]> {
  if (!existsSync(`${root}dist/koa.js`)) throw new Error('dist/koa.js is missing: run `npm run build` first')
  const { ground, subject, space, native } = stage
  const libraries: Subject[] = []
  for (const one of subjects) if (one.place === subject.place && !(await one.missing?.())) libraries.push(one)
  const setupOf = ({ module, client }: Subject): ChildSetup => ({
    module: clientFile(module),
    open: { url: ground.url, space, ...(client && { client }) },
    keys,
    native,
    more,
  })
  return Promise.all(range(count).map(n => startChild(setupOf(libraries[n % libraries.length] ?? subject))))
}

async function startChild(setup: ChildSetup): Promise<Child> {
  const child = new ServerProcess(process.execPath, ['--no-warnings', script, JSON.stringify(setup)], { cwd: root })
  onTestFinished(() => child.end('SIGKILL'))
  const port = () => Number(/port (\d+)/.exec(child.output)?.[1] ?? 0)
  await child.ready('a process of the site', () => port() > 0)
  return { visitor: () => new Visitor(port()), crash: () => child.end('SIGKILL') }
}
