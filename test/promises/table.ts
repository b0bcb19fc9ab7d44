import { describe, expect } from 'vitest'
import { full } from '../support/full.ts'
import { drivers, koaDrivers } from './drivers.ts'
import type { Driver, Mode, Setup, Site } from './support.ts'

/** Where the tests speak of Koa's own objects. */
export const onKoa = ({ framework }: Driver): boolean => framework === 'koa'

/** Where the token can travel in a header. */
export const hasHeaders = ({ framework }: Driver, mode: Mode): boolean => framework === 'koa' || mode.native

/** `open` for one cell of the table: a framework and a mode. */
export type Open = (setup: Omit<Setup, 'mode'>) => Promise<Site>

/**
 * Of two majors of a framework the one whose turn it is, another one for the next mode and in another file: what they do differently is
 * in the adapters, whose own tests play both. `npm run test:full` plays each cell.
 */
function inTurn(among: readonly Driver[], mode: number): readonly Driver[] {
  if (full) return among
  const { testPath = '' } = expect.getState()
  const turn = mode + testPath.length
  return ['koa', 'express', 'fetch', 'fastify'].flatMap(framework => {
    const majors = among.filter(driver => driver.framework === framework)
    return majors.slice(turn % majors.length).slice(0, 1)
  })
}

/** The same tests for each framework and each of these modes, or for those of them `where` it makes sense. */
export function table(
  modes: readonly Mode[],
  tests: (open: Open, mode: Mode, driver: Driver) => void,
  where: (driver: Driver, mode: Mode) => boolean = () => true,
  among: readonly Driver[] = drivers,
): void {
  for (const [place, mode] of modes.entries()) {
    for (const driver of inTurn(among, place)) {
      if (!driver.modes(mode) || !where(driver, mode)) continue
      describe(`${driver.name}, ${mode.name}`, () => tests(setup => driver.open({ ...setup, mode }), mode, driver))
    }
  }
}

/** The same where all of it is about Koa. */
export const koaTable = (modes: readonly Mode[], tests: (open: Open, mode: Mode, driver: Driver) => void): void =>
  table(modes, tests, () => true, koaDrivers)
