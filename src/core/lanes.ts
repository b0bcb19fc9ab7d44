import { SessionBusyError } from './errors.ts'

/** How many may wait for one session, and how long. `after` calls back later, unless it is called off. */
export interface LaneLimits {
  max: number
  waitMs: number
  after: (ms: number, fire: () => void) => () => void
}

/** The time in which one has the lane. */
export interface Turn {
  /** How often others were quicker meanwhile. */
  losses: number
  /** How many before it have had the lane without a rest after them. */
  readonly streak: number
  /** What the next in the lane waits for; the result of this one does not. */
  rest?: Promise<void>
}

type Work<T> = (turn: Turn) => Promise<T>

interface Lane {
  tail: Promise<unknown>
  streak: number
  waiting: number
}

/** Work on one session follows other work on it, within this process; a lane is gone as soon as it is empty. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()

  has(name: string): boolean {
    return this.#lanes.has(name)
  }

  /** It fails with a `SessionBusyError` where too many wait already, or once it has waited too long. */
  async run<T>(name: string, work: Work<T>, limits: LaneLimits): Promise<T> {
    const lane = this.#lanes.get(name)
    if (!lane) return this.#enter(name, { tail: Promise.resolve(), waiting: 0, streak: 0 }, work)
    if (lane.waiting >= limits.max) throw new SessionBusyError(`over ${limits.max} writes of one session wait for each other`)
    return this.#wait(name, lane, work, limits)
  }

  #wait<T>(name: string, lane: Lane, work: Work<T>, { waitMs, after }: LaneLimits): Promise<T> {
    lane.waiting++
    return new Promise((resolve, reject) => {
      let late = false
      const callOff = after(waitMs, () => {
        // It keeps its place until its turn comes: behind one that never ends, no more than `max` may gather.
        late = true
        reject(new SessionBusyError(`a write has waited ${waitMs} ms for others of the same session`))
      })
      const begin: Work<void> = async turn => {
        lane.waiting--
        if (late) return
        callOff()
        await work(turn).then(resolve, reject)
      }
      void this.#enter(name, lane, begin)
    })
  }

  #enter<T>(name: string, lane: Lane, work: Work<T>): Promise<T> {
    let turn: Turn
    const result = lane.tail.then(() => {
      turn = { losses: 0, streak: lane.streak }
      return work(turn)
    })
    const rest = () => {
      lane.streak = turn.rest ? 0 : turn.streak + 1
      return turn.rest
    }
    const tail = result.then(rest, rest)
    lane.tail = tail
    this.#lanes.set(name, lane)
    void tail.then(() => {
      if (lane.tail === tail) this.#lanes.delete(name)
    })
    return result
  }
}
