import { expect } from 'vitest'
import type { Check } from './check.ts'
import type { Stage } from './stage.ts'

/** Plays a check that must fail, and by what it expects: not for want of patience, nor by a mistake of its own. */
export async function expectFailure({ name, run }: Check, stage: Stage): Promise<void> {
  const error = await run(stage).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect({ name, error }).toEqual({ name, error: expect.objectContaining({ name: 'AssertionError' }) })
}
