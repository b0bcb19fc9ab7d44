import { describe } from 'vitest'
import { drivers, koaDrivers } from './drivers.ts'
import type { Driver, Mode, Setup, Site } from './support.ts'

/** Where the tests speak of Koa's own objects. */
export const onKoa = ({ framework }: Driver): boolean => framework === 'koa'

/** Where the token can travel in a header. */
export const hasHeaders = ({ framework }: Driver, mode: Mode): boolean => framework === 'koa' || mode.native

/** `open` for one cell of the table: a framework and a mode. */
export type Open = (setup: Omit<Setup, 'mode'>) => Promise<Site>

/** The same tests for each framework and each of these modes, or for those of them `where` it makes sense. */
export function table(
  modes: readonly Mode[],
  tests: (open: Open, mode: Mode, driver: Driver) => void,
  where: (driver: Driver, mode: Mode) => boolean = () => true,
  among: readonly Driver[] = drivers,
): void {
  for (const driver of among) {
    for (const mode of modes) {
      if (!driver.modes(mode) || !where(driver, mode)) continue
      describe(`${driver.name}, ${mode.name}`, () => tests(setup => driver.open({ ...setup, mode }), mode, driver))
    }
  }
}

/** The same where all of it is about Koa. */
export const koaTable = (modes: readonly Mode[], tests: (open: Open, mode: Mode, driver: Driver) => void): void =>
  table(modes, tests, () => true, koaDrivers)
