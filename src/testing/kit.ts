import { createBench, type SessionStoreKitOptions } from './bench.ts'
import { cleanUp } from './clean-up.ts'
import { closing } from './closing.ts'
import { createAndLoad } from './create-and-load.ts'
import { endings } from './endings.ts'
import { expiry } from './expiry.ts'
import { limitRaces } from './limit-races.ts'
import { limits } from './limits.ts'
import { listing } from './listing.ts'
import { lostAnswers } from './lost-answers.ts'
import { oddData } from './odd-data.ts'
import { properties } from './properties.ts'
import { replace } from './replace.ts'
import { save } from './save.ts'
import { tombstones } from './tombstones.ts'
import { touch } from './touch.ts'
import { userIndex } from './user-index.ts'

const SUITES = [
  createAndLoad,
  save,
  replace,
  tombstones,
  touch,
  expiry,
  oddData,
  lostAnswers,
  userIndex,
  limits,
  limitRaces,
  listing,
  cleanUp,
  endings,
  properties,
  closing,
]

/**
 * The contract of an `IndexedSessionStore` as tests, about a hundred, for any runner: `node:test`, Vitest, Mocha. Two of them run
 * random commands and need `fast-check` to be installed. Give a test half a minute: the slowest do a thousand operations.
 *
 * @example
 * import { describe, it } from 'node:test'
 * import { testSessionStore } from 'holdfast/testing'
 *
 * testSessionStore({ describe, it, create: ({ space, now }) => new MyStore(client, { table: space, now }) })
 */
export function testSessionStore(options: SessionStoreKitOptions): void {
  const bench = createBench(options)
  for (const suite of SUITES) suite(bench)
}
