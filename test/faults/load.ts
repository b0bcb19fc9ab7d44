// Random work on a site's sessions, by several clients at once, until it is told to stop.
import { until } from '../servers/process.ts'
import { Caller, type Token, type Told } from './caller.ts'
import type { History, Kind } from './history.ts'
import { type Random, random } from './random.ts'
import type { Site, Worker } from './site.ts'

export interface LoadOptions {
  /** How many sessions are in use at a time. Default 6. */
  sessions?: number
  /** How many clients use each of them at once. Default 2. */
  clients?: number
  /** How long a client rests between two requests, in ms; four times that after an error. Default 8. */
  rest?: number
  /** Default: HOLDFAST_SEED, or a random one. */
  seed?: number
  /** How long a client waits for an answer, in ms. Default 15,000. */
  deadline?: number
  /** How long a session of nobody lives without use, in ms, if that is short: as `anonymousTimeout` says. */
  lives?: number
}

type Work = Exclude<Kind, 'open'>

/** How often each is asked for. */
const WORK: readonly [Work, number][] = [
  ['read', 30],
  ['write', 36],
  ['bump', 22],
  ['regenerate', 6],
  ['logout', 6],
]
const FIELDS = ['a', 'b', 'c']
/** How many requests of a hundred present a token that has ended. */
const GHOSTS = 6
/** Errors by which sites keep order among their own requests: no sign of a fault. */
const ORDERLY = ['HOLDFAST_CONFLICT', 'HOLDFAST_BUSY']

/** A place for a session that is in use; when one has ended, the next takes it. */
interface Slot {
  readonly index: number
  token?: Token | undefined
  opening?: Promise<void> | undefined
}

export class Load {
  readonly seed: number
  readonly #site: Site
  readonly #caller: Caller
  readonly #options: LoadOptions
  readonly #random: Random
  readonly #slots: Slot[]
  /** The last token of each session that has one. */
  readonly #newest = new Map<string, Token>()
  /** Tokens that have ended, or may have. */
  readonly #ghosts: Token[] = []
  readonly #lanes: Promise<void>[]
  /** Of each slot and each process: when the last acknowledged request began. */
  readonly #servedAt = { slots: new Map<number, number>(), workers: new Map<number, number>() }
  #stopping = false
  /** How many have been acknowledged. */
  acknowledged = 0
  /** How many have failed with an error that is no answer of order. */
  failed = 0

  constructor(site: Site, options: LoadOptions = {}) {
    this.#site = site
    this.#options = options
    this.seed = options.seed ?? Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31))
    this.#random = random(this.seed)
    this.#caller = new Caller(options.deadline)
    this.#slots = Array.from({ length: options.sessions ?? 6 }, (_, index) => ({ index }))
    this.#lanes = this.#slots.flatMap(slot => Array.from({ length: options.clients ?? 2 }, () => this.#lane(slot)))
  }

  get history(): History {
    return this.#caller.history
  }

  /** Resolves when so many more have been acknowledged. */
  async moreAcknowledged(count: number, ms = 60_000): Promise<void> {
    const goal = this.acknowledged + count
    await until(`${count} acknowledged requests`, () => this.acknowledged >= goal, ms)
  }

  /** Resolves when so many more have failed with an error: the fault is felt. */
  async moreFailed(count: number, ms = 60_000): Promise<void> {
    const goal = this.failed + count
    await until(`${count} failed requests`, () => this.failed >= goal, ms)
  }

  /**
   * Resolves when each process, and each session in use, has been served by a request that began after this call; with the ms that it
   * took.
   */
  async recovered(withinMs: number): Promise<number> {
    const since = performance.now()
    const { slots, workers } = this.#servedAt
    const all = (servedAt: Map<number, number>, list: readonly { index: number }[]) =>
      list.every(({ index }) => (servedAt.get(index) ?? 0) >= since)
    await until('recovery', () => all(slots, this.#slots) && all(workers, this.#site.workers), withinMs)
    return performance.now() - since
  }

  /** Lets what is under way come to its end, and then reads every session by its last token and by those that have ended. */
  async finish(): Promise<History> {
    this.#stopping = true
    await Promise.all(this.#lanes)
    if (this.#options.lives !== undefined) await this.#outlive(this.#options.lives)
    // One after the other for each process: all at once would be another load.
    const rest = [...this.#newest.values(), ...this.#ghosts.slice(-200)]
    await Promise.all(
      this.#site.workers.map(async worker => {
        for (let token = rest.shift(); token; token = rest.shift()) await this.#lastRead(worker, token)
      }),
    )
    this.#caller.close()
    return this.history
  }

  /** Until the sessions that live for a short time only are over. */
  async #outlive(lives: number): Promise<void> {
    const end = performance.now() + lives + 1500
    await until('the short lives are over', () => performance.now() > end, lives + 5000)
  }

  async #lastRead(worker: Worker, token: Token): Promise<void> {
    const read = async () => (await this.#caller.send(worker, 'read', token)).error === undefined
    await until(`session ${token.session} can be read in the end`, read)
  }

  async #lane(slot: Slot): Promise<void> {
    while (!this.#stopping) {
      const failed = this.failed
      const { token } = slot
      if (token) await this.#use(slot, token)
      else {
        slot.opening ??= this.#open(slot).finally(() => {
          slot.opening = undefined
        })
        await slot.opening
      }
      const { rest = 8 } = this.#options
      await pause(this.failed > failed ? 4 * rest : rest)
    }
  }

  async #open(slot: Slot): Promise<void> {
    const worker = this.#worker()
    const user = this.#random.below(2) === 0 ? `user-${slot.index}` : undefined
    const told = await this.#caller.open(worker, user, user === undefined ? this.#options.lives : undefined)
    this.#note(told, worker, slot)
    if (!told.token) return
    slot.token = told.token
    this.#newest.set(told.token.session, told.token)
  }

  async #use(slot: Slot, token: Token): Promise<void> {
    const worker = this.#worker()
    const ghost = this.#random.below(100) < GHOSTS ? this.#random.pick(this.#ghosts.slice(-50)) : undefined
    const kind = ghost ? this.#random.pick<Work>(['read', 'write']) : this.#random.weighed(WORK)
    const told = await this.#caller.send(worker, kind as Work, ghost ?? token, this.#random.pick(FIELDS))
    this.#note(told, worker, ghost ? undefined : slot)
    if (!ghost) this.#follow(slot, token, told)
  }

  /** What becomes of the slot's session. */
  #follow(slot: Slot, old: Token, { operation: { kind, outcome }, gone, token }: Told): void {
    // Whether it lives is not known any more, or it does not.
    const over = gone || (kind === 'regenerate' && outcome === 'unknown') || (kind === 'logout' && outcome !== 'refused')
    if (!over && !token) return
    this.#ghosts.push(old)
    // Of two new ids both may have been told; the checker judges that.
    if (token) this.#newest.set(token.session, token)
    if (slot.token === old) slot.token = token
  }

  #note({ operation: { outcome, invoked }, error }: Told, worker: Worker, slot: Slot | undefined): void {
    if (outcome === 'acknowledged') {
      this.acknowledged++
      this.#servedAt.workers.set(worker.index, invoked)
      if (slot) this.#servedAt.slots.set(slot.index, invoked)
    } else if (error !== undefined && !ORDERLY.includes(error)) this.failed++
  }

  #worker(): Worker {
    return this.#random.pick(this.#site.workers) as Worker
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
