import { randomInt } from 'node:crypto'

/** A seed that is always the same, and one of this run: HOLDFAST_SEED plays it again. The tokens that are bent are new ones in any case. */
export const seeds: readonly [fixed: number, ofThisRun: number] = [20_260_101, Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31))]

console.log(`fuzz: seeds ${seeds[0]} and HOLDFAST_SEED=${seeds[1]}`)
