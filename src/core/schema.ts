import { escapeText } from './text.ts'

/**
 * A validator of Standard Schema version 1 (https://standardschema.dev), as zod, valibot and arktype make them. Written down
 * here so that no package is needed for a type.
 */
export interface StandardSchema<D> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<D> | Promise<SchemaResult<D>>
    readonly types?: { readonly input: unknown; readonly output: D } | undefined
  }
}

export type SchemaResult<D> = { readonly value: D; readonly issues?: undefined } | { readonly issues: readonly unknown[] }

/** What a site says of its data: what they look like now, and how older ones become such. */
export interface Shape {
  schema?: StandardSchema<unknown> | undefined
  /** Kept with each session, so that `migrate` knows where it stands. Default 0. */
  version: number
  migrate?: ((data: never, from: number) => unknown) | undefined
}

/** Arktype's are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as Partial<StandardSchema<unknown>>)['~standard']
  return standard?.version === 1 && typeof standard.validate === 'function'
}

/** How many places an error names. */
const MOST_PATHS = 5

/** Where data do not fit, and never what lies there: fit for a log. */
export function pathsOf(issues: readonly unknown[]): string[] {
  const paths = issues.map(issue => pathOf((issue as { path?: unknown } | null | undefined)?.path))
  return [...new Set(paths.filter(path => path !== ''))].slice(0, MOST_PATHS)
}

function pathOf(path: unknown): string {
  if (!Array.isArray(path)) return ''
  return escapeText(path.map(step => String((step as { key?: unknown } | null)?.key ?? step)).join('.'))
}
