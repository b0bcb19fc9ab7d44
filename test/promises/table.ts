import { describe } from 'vitest'
import { drivers } from './koa.ts'
import type { Driver, Mode, Setup, Site } from './support.ts'

/** `open` for one cell of the table: a framework and a mode. */
export type Open = (setup: Omit<Setup, 'mode'>) => Promise<Site>

/** The same tests for each framework and each of these modes. */
export function table(
  modes: readonly Mode[],
  tests: (open: Open, mode: Mode, driver: Driver) => void,
  only: readonly Driver[] = drivers,
): void {
  for (const driver of only) {
    for (const mode of modes) {
      describe(`${driver.name}, ${mode.name}`, () => tests(setup => driver.open({ ...setup, mode }), mode, driver))
    }
  }
}
