import { newSecret } from '../../crypto/new-secret.ts'
import { type Command, UsageError } from '../command.ts'
import { example, json } from '../shared.ts'

/** More is a slip of the finger: a site has two or three. */
const MOST = 100

/** `holdfast keygen`: secrets for `keys`. */
export const keygen: Command = {
  name: 'keygen',
  summary: 'print a secret for keys: 256 random bits',
  define(program, { out }) {
    json(program.usage('[--count <n>] [--json]'))
      .option('--count <n>', `how many, one a line; 1 to ${MOST}`, '1')
      .addHelpText('after', example('holdfast keygen --count 2'))
      .action(({ count: text, json }: { count: string; json?: true }) => {
        const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0
        if (count < 1 || count > MOST) throw new UsageError(`--count must be a number from 1 to ${MOST}`)
        const keys = Array.from({ length: count }, newSecret)
        out(json ? JSON.stringify({ keys }) : keys.join('\n'))
      })
  },
}
