import { createRequire } from 'node:module'
import holdfastSession from 'holdfast/express'
import type { Loose } from '../../support/subjects.ts'

const require = createRequire(import.meta.url)

/** A session library for Express: the function, with its `Store`. Both are driven through one loose type. */
export interface Library {
  name: string
  session: Loose
}

export const peer: Library = { name: 'express-session', session: require('express-session') }
export const holdfast: Library = { name: 'holdfast', session: holdfastSession }

export type ExpressMajor = 4 | 5

const versions: Record<ExpressMajor, () => Loose> = { 4: require('express4'), 5: require('express') }

export const expressMajors: ExpressMajor[] = [4, 5]

export function createApp(major: ExpressMajor): Loose {
  return versions[major]()
}
