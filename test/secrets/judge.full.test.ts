// Called by scripts/secrets.mjs with what the recorder has left of a run of the suite.
import { expect, it } from 'vitest'
import { scan } from './scan.ts'

const folder = process.env.HOLDFAST_SECRETS_SEEN

it.runIf(folder !== undefined)('promise 26: no id, key or token in anything that the suite said with debugging on', () => {
  const { secrets, said, leaks } = scan(folder as string)
  // A recorder that was never loaded must not look like a clean run.
  expect(secrets).toBeGreaterThan(100)
  expect(said).toBeGreaterThan(1000)
  expect(leaks).toEqual([])
})
