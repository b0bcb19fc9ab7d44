import { mustBeBoolean } from '../core/options.ts'

/** Options that open what must be closed for visitors. */
const ONLY_IN_DEVELOPMENT = {
  insecure: 'the session cookie would be sent over plain http',
  explain: 'each answer would tell how its session was judged',
} as const

/**
 * Refuses, outside of development, what is for development only. It asks for `development` itself: a server whose NODE_ENV
 * nobody has set is taken for production.
 */
export function checkEnvironment(
  options: { insecure?: boolean | undefined; explain?: boolean | undefined },
  nodeEnv = process.env.NODE_ENV,
): void {
  for (const name of ['insecure', 'explain'] as const) {
    const value = options[name]
    mustBeBoolean(name, value)
    if (value !== true || nodeEnv === 'development') continue
    const seen = nodeEnv === undefined ? 'is not set' : 'is another one'
    throw new TypeError(`${name}: true needs NODE_ENV to be 'development', and it ${seen}: ${ONLY_IN_DEVELOPMENT[name]}`)
  }
}
