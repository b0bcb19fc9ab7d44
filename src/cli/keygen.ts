import { parseArgs } from 'node:util'
import { newSecret } from '../crypto/new-secret.ts'
import { type Command, UsageError } from './command.ts'

/** More is a slip of the finger: a site has two or three. */
const MOST = 100

/** `holdfast keygen`: secrets for `keys`. */
export const keygen: Command = {
  summary: 'print a secret for keys: 256 random bits',
  usage: `holdfast keygen [--count <n>]

  --count <n>   how many, one a line; 1 to ${MOST}, default 1`,
  run(args, { out }) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { count: { type: 'string', default: '1' } },
      // Refused below, in words that do not repeat them: one might be a secret.
      allowPositionals: true,
    })
    if (positionals.length > 0) throw new UsageError('keygen takes no argument')
    const count = /^[1-9]\d{0,2}$/.test(values.count) ? Number(values.count) : 0
    if (count < 1 || count > MOST) throw new UsageError(`--count must be a number from 1 to ${MOST}`)
    out(Array.from({ length: count }, newSecret).join('\n'))
  },
}
