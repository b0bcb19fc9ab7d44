/** Numbers that look random, the same for the same seed. */
export interface Random {
  /** A whole number, 0 or more, less than `limit`. */
  below(limit: number): number
  /** Undefined of none. */
  pick<T>(list: readonly T[]): T | undefined
  weighed<T>(list: readonly [T, number][]): T
}

/** A linear congruential generator (Numerical Recipes), of whose bits the upper ones are used. */
export function random(seed: number): Random {
  let state = seed >>> 0
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  return {
    below,
    pick: list => list[below(list.length)],
    weighed(list) {
      let rest = below(list.reduce((sum, [, weight]) => sum + weight, 0))
      for (const [item, weight] of list) {
        rest -= weight
        if (rest < 0) return item
      }
      throw new Error('nothing to choose from')
    },
  }
}
