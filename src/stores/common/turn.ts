import { setTimeout as pause } from 'node:timers/promises'

/** Whose turn it is. */
export interface Turn {
  /** Of this turn alone. */
  word: string
  /** The record that it is to insert. */
  key: string
}

/** Where a user's turn is kept, for all processes. */
export interface TurnPlace {
  /** Takes the turn, unless somebody has it: who. Nobody, too, who has the word `over`. */
  take(turn: Turn, over: string | undefined): Promise<Turn | null>
  /** Gives it back, if it is still this one. */
  leave(turn: Turn): Promise<void>
  /** From now on no record begins under this key, unless one lives there. */
  bar(key: string): Promise<void>
}

/** So long a turn may stay the same. Who takes longer has been killed, or is in trouble. */
const LONGEST_TURN_MS = 2000
const PAUSE_MS = 10
const LONGEST_PAUSE_MS = 100
const MOST_SIGHTINGS = 1000

/**
 * One at a time, over all processes, where a store has no transactions. Who is killed in the middle keeps nobody waiting for long, and who
 * was only slow does no harm: before another one takes the turn, the key that it was for is barred, so that what comes late is refused.
 * Two that would insert the very same record need not be kept apart.
 */
export async function inTurn<T>(
  { place, key, name, sightings }: { place: TurnPlace; key: string; name: string; sightings: Sightings },
  act: () => Promise<T>,
): Promise<T> {
  const turn = { word: crypto.randomUUID(), key }
  // What cannot be given back is taken away.
  const leave = () => place.leave(turn).catch(() => {})
  try {
    await take(place, turn, name, sightings)
  } catch (error) {
    // It may have been taken, and only the answer was lost. The caller's time may be up: it does not wait for this.
    void leave()
    throw error
  }
  try {
    return await act()
  } finally {
    await leave()
  }
}

async function take(place: TurnPlace, turn: Turn, name: string, sightings: Sightings): Promise<void> {
  let over: string | undefined
  for (let looks = 1; ; looks++) {
    const held = await place.take(turn, over)
    // Its own lies there where a driver has sent a command once more.
    if (!held || held.word === turn.word) return sightings.forget(name)
    if (held.word !== over && sightings.stayedMs(name, held.word) > LONGEST_TURN_MS) {
      if (held.key !== turn.key) await place.bar(held.key)
      over = held.word
      continue
    }
    await pause(1 + Math.random() * Math.min(PAUSE_MS * looks, LONGEST_PAUSE_MS))
  }
}

/**
 * Since when this process sees the same one have a user's turn: by how long it is seen to stay, not by any clock's time. It outlives the
 * call that looks, which may be given up sooner than anybody's turn is over. A word is of one turn alone, so who has it at two looks had it
 * between them as well.
 */
export class Sightings {
  readonly #seen = new Map<string, { word: string; since: number }>()
  readonly #now: () => number

  /** `now`: a clock in ms that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  stayedMs(name: string, word: string): number {
    const seen = this.#seen.get(name)
    if (seen?.word === word) return this.#now() - seen.since
    this.forget(name)
    this.#seen.set(name, { word, since: this.#now() })
    // The oldest goes: at worst somebody waits once more.
    if (this.#seen.size > MOST_SIGHTINGS) this.forget(this.#seen.keys().next().value as string)
    return 0
  }

  forget(name: string): void {
    this.#seen.delete(name)
  }
}

/** What has one name comes one after the other, within this process: others are kept from asking the store for their turn in vain. */
export class Queues {
  readonly #last = new Map<string, Promise<void>>()

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    let done = () => {}
    const mine = new Promise<void>(resolve => {
      done = resolve
    })
    this.#last.set(name, mine)
    await before
    try {
      return await work()
    } finally {
      done()
      if (this.#last.get(name) === mine) this.#last.delete(name)
    }
  }
}
