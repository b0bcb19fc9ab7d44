// Plays calls of several processes in every order of their steps on one disk: after each call to the disk, any other may go on.
import { dirname } from 'node:path'
import type { FileSystem } from '../../src/stores/file/system.ts'
import type { FakeDisk } from './file-disk.ts'

type Method = keyof FileSystem

/** What a step looks at and changes. Two steps that add or remove different names in one folder do not mind each other. */
interface Footprint {
  reads: string[]
  names: string[]
  writes: string[]
}

interface Waiting {
  footprint: Footprint
  what: string
  go: () => void
}

/** These change nothing that another process sees, and see nothing that another changes. */
const UNSEEN: readonly Method[] = ['sync', 'identity', 'patience']

/** A process: it stands still before each step that others may notice, until it is told to go on. */
export class Stepper {
  readonly fs: FileSystem
  /** Several, where a call asks for several things at once: they come in order. */
  readonly #waiting: Waiting[] = []
  #over = false

  constructor(disk: FakeDisk) {
    this.fs = new Proxy(disk, {
      get: (target, method: Method) => {
        const call = (...args: string[]) => (target[method] as (...args: string[]) => Promise<unknown>).apply(target, args)
        if (UNSEEN.includes(method)) return call
        return (...args: string[]) =>
          new Promise((resolve, reject) => {
            this.#waiting.push({
              footprint: footprintOf(disk, method, args),
              what: `${method} ${args.join(' -> ')}`,
              go: () => {
                this.#waiting.shift()
                call(...args).then(resolve, reject)
              },
            })
          })
      },
    })
  }

  /** Plays a part; it is over when the promise is. */
  async play(part: () => Promise<void>): Promise<void> {
    try {
      await part()
    } finally {
      this.#over = true
    }
  }

  /** Goes on until the next step, or the end. Nothing here waits for anything but the other's promises. */
  async comesToStand(): Promise<void> {
    for (let n = 0; this.#waiting.length === 0 && !this.#over; n++) {
      if (n === LONGEST_PAUSE) throw new Error('a process neither goes on nor ends')
      await null
    }
  }

  /** One step further. Answers which it was. */
  async goOn(): Promise<string> {
    await this.comesToStand()
    const { what, go } = this.#waiting[0] as Waiting
    go()
    await this.comesToStand()
    return what
  }

  get waiting(): Waiting | undefined {
    return this.#waiting[0]
  }
}

function footprintOf(disk: FakeDisk, method: Method, [path = '', to = '']: string[]): Footprint {
  switch (method) {
    case 'list':
      return { reads: [`${path}/*`], names: [], writes: [] }
    case 'read':
    case 'age':
      return { reads: [path], names: [], writes: [] }
    case 'create':
    case 'remove':
      return { reads: [], names: [`${dirname(path)}/*`], writes: [path] }
    case 'link':
      return { reads: [path], names: [`${dirname(to)}/*`], writes: [to] }
    case 'makeFolder':
    case 'makeFolders':
      if (disk.isFolder(path)) return { reads: [path], names: [], writes: [] }
      return { reads: [], names: [`${dirname(path)}/*`], writes: [path, `${path}/*`] }
    case 'rename':
      return { reads: [], names: [`${dirname(path)}/*`, `${dirname(to)}/*`], writes: [path, `${path}/*`, to, `${to}/*`] }
    default:
      return { reads: [], names: [`${dirname(path)}/*`], writes: [path, `${path}/*`] }
  }
}

function independent(a: Footprint, b: Footprint): boolean {
  return !minds(a, b) && !minds(b, a)
}

function minds({ names, writes }: Footprint, other: Footprint): boolean {
  return (
    writes.some(one => other.reads.includes(one) || other.names.includes(one) || other.writes.includes(one)) ||
    names.some(one => other.reads.includes(one) || other.writes.includes(one))
  )
}

/** A play: who takes part, and what to do between the steps and at the end. */
export interface Play {
  steppers: Stepper[]
  /** After each step. */
  observe(): Promise<void>
  /** When all have ended, or were killed. */
  end(): Promise<void>
}

/** A moment at which somebody goes on. */
interface Node {
  waiting: Map<number, Footprint>
  chosen: number
  /** Who must have gone first here, in one play or another. */
  wanted: Set<number>
  tried: Set<number>
  /** Whose next step has been played already from a moment that differs in nothing that it minds. */
  sleeping: Set<number>
  /** The last step of each that had to come before this one. */
  before: number[]
}

const LONGEST_PAUSE = 10_000

/**
 * Plays every order that could make a difference. Where two steps do not mind each other, one order stands for both (dynamic partial
 * order reduction after Flanagan and Godefroid, with sleep sets): a step goes before another's only if that one minds it.
 */
export async function playAll(begin: () => Promise<Play>): Promise<number> {
  const path: Node[] = []
  for (let plays = 0; ; ) {
    await telling(await begin(), async (play, trace) => {
      if (!(await playOnce(play, path, trace))) return
      plays++
      await play.end()
    })
    if (!stepBack(path)) return plays
  }
}

/** Plays one order: `choose` says who of those that wait goes on. How many steps there were, of each. */
export async function playOne(begin: () => Promise<Play>, choose: (waiting: number[]) => number | undefined): Promise<number[]> {
  const play = await begin()
  const steps = play.steppers.map(() => 0)
  await telling(play, async ({ steppers, observe, end }, trace) => {
    for (;;) {
      for (const stepper of steppers) await stepper.comesToStand()
      const chosen = choose(steppers.flatMap(({ waiting }, n) => (waiting ? [n] : [])))
      if (chosen === undefined) break
      trace.push(`${chosen}: ${await (steppers[chosen] as Stepper).goOn()}`)
      await observe()
      steps[chosen] = (steps[chosen] ?? 0) + 1
    }
    await end()
  })
  return steps
}

/** A failure tells in which order it came about. */
async function telling(play: Play, work: (play: Play, trace: string[]) => Promise<void>): Promise<void> {
  // Now and then the test's own clock must have its turn.
  await new Promise(resolve => setImmediate(resolve))
  const trace: string[] = []
  try {
    await work(play, trace)
  } catch (error) {
    throw new Error(`${(error as Error).message}\nin this order:\n${trace.join('\n')}`)
  }
}

/** False: another play has shown the same. */
async function playOnce({ steppers, observe }: Play, path: Node[], trace: string[]): Promise<boolean> {
  const known = steppers.map(() => steppers.map(() => -1))
  for (let depth = 0; ; depth++) {
    for (const stepper of steppers) await stepper.comesToStand()
    const waiting = new Map(steppers.flatMap(({ waiting: one }, n) => (one ? [[n, one.footprint] as const] : [])))
    if (waiting.size === 0) return true
    const replayed = depth < path.length - 1
    const node = path[depth] ?? next(path[depth - 1], waiting)
    if (!node) return false
    path[depth] = node
    const { chosen } = node
    if (!replayed) {
      for (const [n, footprint] of waiting) wantEarlier(path, depth, n, footprint, known[n] as number[])
      node.before = comesAfter(path, depth, known[chosen] as number[])
    }
    known[chosen] = node.before.with(chosen, depth)
    trace.push(`${chosen}: ${await (steppers[chosen] as Stepper).goOn()}`)
    await observe()
  }
}

/** Whoever went last goes on if that is something new: the fewest changes come first. */
function next(before: Node | undefined, waiting: Map<number, Footprint>): Node | undefined {
  const sleeping = new Set<number>()
  if (before) {
    const went = before.waiting.get(before.chosen) as Footprint
    for (const n of [...before.sleeping, ...before.tried]) {
      if (n !== before.chosen && independent(before.waiting.get(n) as Footprint, went)) sleeping.add(n)
    }
  }
  const chosen = [before?.chosen ?? 0, ...waiting.keys()].find(n => waiting.has(n) && !sleeping.has(n))
  if (chosen === undefined) return undefined
  return { waiting, chosen, wanted: new Set([chosen]), tried: new Set(), sleeping, before: [] }
}

/** The last step of each that had to come before this one: those that it minds, and those that had to come before them. */
function comesAfter(path: Node[], depth: number, known: number[]): number[] {
  const { chosen, waiting } = path[depth] as Node
  const footprint = waiting.get(chosen) as Footprint
  const last = [...known]
  for (let at = 0; at < depth; at++) {
    const other = path[at] as Node
    if (other.chosen !== chosen && independent(other.waiting.get(other.chosen) as Footprint, footprint)) continue
    for (const [n, step] of other.before.entries()) last[n] = Math.max(last[n] as number, step)
    last[other.chosen] = Math.max(last[other.chosen] as number, at)
  }
  return last
}

/** Finds the last step of another that minds this one and did not have to come first: there it must be tried the other way round. */
function wantEarlier(path: Node[], depth: number, n: number, footprint: Footprint, known: number[]): void {
  for (let at = depth - 1; at >= 0; at--) {
    const node = path[at] as Node
    if (node.chosen === n || (known[node.chosen] as number) >= at) continue
    if (independent(node.waiting.get(node.chosen) as Footprint, footprint)) continue
    node.wanted.add(n)
    return
  }
}

/** To the last moment at which somebody else must go first. */
function stepBack(path: Node[]): boolean {
  for (let node = path.at(-1); node; node = path.at(-1)) {
    node.tried.add(node.chosen)
    const other = [...node.wanted].find(n => !node?.tried.has(n) && !node?.sleeping.has(n))
    if (other !== undefined) {
      node.chosen = other
      return true
    }
    path.pop()
  }
  return false
}
