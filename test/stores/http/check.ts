import type { PlaceName } from '../subjects.ts'
import type { Door, Stage } from './stage.ts'

/** One test, to be played on every store. What it expects and does not find it throws. */
export interface Check {
  /** Bears the number: `promise 1: …`. */
  name: string
  /** Absent: both. */
  doors?: readonly Door[]
  /** Where it says something. Absent: everywhere. */
  on?: (place: PlaceName, door: Door) => boolean
  /** Says little about a client library: it is played with the first of a place only. */
  once?: true
  /** In ms; absent: the suite's own. */
  timeout?: number
  run(stage: Stage): Promise<void>
}
