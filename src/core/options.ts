/** Options that more than one mode understands, checked in one place. Misuse is a `TypeError` that names the option. */

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A span of time: a number of ms, or text such as `'30m'`, `'12h'`, `'30d'`. */
export type Duration = number | string

export function durationMs(option: string, value: Duration): number {
  if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(value)
    const unit = match && UNITS[match[2] as string]
    if (unit) return durationMs(option, Number(match[1]) * unit)
  } else if (typeof value === 'number' && value > 0 && Number.isFinite(value)) {
    return value
  }
  throw new TypeError(`${option} must be a positive number of ms or a text such as '30m', '12h' or '30d'`)
}

export function mustBeFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw new TypeError(`${option} must be a function`)
}

export function mustBeBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${option} must be true or false`)
}

/** A misspelt option must not be a silent one. */
export function mustBeKnown(where: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find(name => !names.includes(name))
  if (unknown !== undefined) throw new TypeError(`${where}: there is no option "${unknown}"; there are ${names.join(', ')}`)
}

export function mustBeOneOf(option: string, value: unknown, values: readonly string[]): void {
  if (value !== undefined && !values.includes(value as string)) {
    throw new TypeError(`${option} must be ${values.map(name => `'${name}'`).join(' or ')}`)
  }
}

export function mustHaveMethods(option: string, value: unknown, methods: readonly string[]): void {
  const object = value as Record<string, unknown> | null | undefined
  const missing = methods.find(name => typeof object?.[name] !== 'function')
  if (missing !== undefined) throw new TypeError(`${option}.${missing} must be function`)
}

/** A name that becomes part of a key or of a statement: it must not be able to say more than a name. */
export function mustBeName(option: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_:.-]{1,64}$/.test(value)) {
    throw new TypeError(`${option} must be 1 to 64 letters, digits or _ : . -`)
  }
}

/** Node's timers know no longer time, and fire at once instead. In ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1
