import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Io } from '../../src/cli/command.ts'
import { main } from '../../src/cli/main.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
/** The command as it is installed. */
export const program = resolve(root, 'dist/cli.js')

export interface Answer {
  status: number
  out: string
  err: string
}

/** What a command line answers. The packages of a site are those of this repository. */
export async function holdfast(
  args: readonly string[],
  { input = '', ...io }: Partial<Omit<Io, 'input'>> & { input?: string } = {},
): Promise<Answer> {
  const out: string[] = []
  const err: string[] = []
  const status = await main(args, {
    out: text => out.push(text),
    err: text => err.push(text),
    progress: undefined,
    input: async () => input,
    env: {},
    cwd: root,
    colour: false,
    ...io,
  })
  return { status, out: out.map(line => `${line}\n`).join(''), err: err.join('\n') }
}

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')
export const objectsIn = (text: string): Record<string, unknown>[] => linesOf(text).map(line => JSON.parse(line) as Record<string, unknown>)
