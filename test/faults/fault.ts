// One fault on one store: load, the fault, recovery, more load, and the judgement of all that was told.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { type CheckOptions, check, type Judgement, told } from './check.ts'
import { Load, type LoadOptions } from './load.ts'
import { type Site, type SiteOptions, startSite, type Target } from './site.ts'

const ROWS = fileURLToPath(new URL('../../.cache/faults/', import.meta.url))
/** How often the processes are looked at, in ms. */
const LOOK_EVERY_MS = 300

export interface FaultOptions extends SiteOptions, CheckOptions {
  /** As in the table, such as `Redis, ioredis`. */
  store: string
  /** As in the table, such as `SIGKILL, restart`. */
  fault: string
  target: Target
  /**
   * Brings the fault and ends it. It gives a sentence that proves that the fault took place; without one, errors must have been seen.
   * Wait by `load.moreFailed(n)` or by a state of the server, never by time.
   */
  inject(under: { site: Site; load: Load }): Promise<string | undefined> | Promise<void>
  /** `true`: 0 lost and 0 resurrected are asserted. Else why not: what the docs say. */
  promised: true | string
  load?: LoadOptions
  /** How many operations are acknowledged before the fault, and after the recovery. Default 100 each. */
  operations?: number
  /** How long the recovery may take, in ms. Default 30,000. */
  recovery?: number
  /** The most of each process meanwhile. Defaults: 80 connections, and 64 MiB of heap more than before. */
  bounds?: { sockets?: number; heap?: number }
}

/** A row of the table. */
export interface Row {
  store: string
  fault: string
  promised: true | string
  acknowledged: number
  lost: number
  resurrected: number
  /** How often each error was told. */
  errors: Readonly<Record<string, number>>
  /** From the end of the fault until each process and each session was served again. */
  recoveredMs: number
  /** The most of any process. */
  sockets: number
  heapGrowth: number
  proof?: string
}

export async function underFault(options: FaultOptions): Promise<Row> {
  const { store, fault, target, inject, promised, operations = 100, recovery = 30_000, bounds = {} } = options
  const site = await startSite(target, options)
  const watch = new Watch(site)
  let load: Load | undefined
  try {
    await watch.begin()
    load = new Load(site, options.load)
    await load.moreAcknowledged(operations)
    const proof = (await inject({ site, load })) ?? undefined
    const felt = load.failed
    const recoveredMs = await load.recovered(recovery).catch((error: Error) => {
      throw new Error(`${error.message} (history in ${historyFile(options, load as Load)})`)
    })
    await load.moreAcknowledged(operations)
    const judgement = check((await load.finish()).operations, options)
    const most = await watch.end()
    const row = rowOf(options, judgement, recoveredMs, most, proof)
    keep(row)
    assertAll(row, judgement, load, { felt, promised, sockets: bounds.sockets ?? 80, heap: bounds.heap ?? 64 * 2 ** 20 })
    return row
  } catch (error) {
    const said = site.workers.map(worker => worker.output).join('')
    throw new Error(
      `${store}, ${fault} (HOLDFAST_SEED=${load?.seed}): ${(error as Error).message}${said && `\nthe processes said:\n${said}`}`,
      {
        cause: error,
      },
    )
  } finally {
    await watch.end()
    await site.stop()
  }
}

function rowOf({ store, fault, promised }: FaultOptions, judgement: Judgement, recoveredMs: number, most: Most, proof?: string): Row {
  const { acknowledged, lost, resurrected, errors } = judgement
  const counted = { acknowledged, lost: lost.length, resurrected: resurrected.length, errors }
  return { store, fault, promised, ...counted, recoveredMs: Math.round(recoveredMs), ...most, ...(proof !== undefined && { proof }) }
}

/** All that was done and told, for who has to find out. */
function historyFile(row: Pick<Row, 'store' | 'fault'>, load: Load): string {
  const file = `${ROWS}${nameOf(row)}.history.json`
  mkdirSync(ROWS, { recursive: true })
  writeFileSync(file, JSON.stringify(load.history.operations))
  return file
}

interface Wanted {
  felt: number
  promised: true | string
  sockets: number
  heap: number
}

function assertAll(row: Row, { lost, resurrected, strange }: Judgement, load: Load, wanted: Wanted): void {
  const wrong = wanted.promised === true ? [...lost, ...resurrected, ...strange] : strange
  if (wrong.length > 0) {
    const file = historyFile(row, load)
    expect.fail(`what was told is not so (history in ${file}):\n${told(wrong)}`)
  }
  expect(row.proof ?? wanted.felt, 'the fault was felt').not.toBe(0)
  expect(row.sockets, 'connections of a process').toBeLessThanOrEqual(wanted.sockets)
  expect(row.heapGrowth, 'octets of heap that a process has gained').toBeLessThanOrEqual(wanted.heap)
}

/** What the table is made of. */
export function keep(row: Row): void {
  mkdirSync(ROWS, { recursive: true })
  writeFileSync(`${ROWS}${nameOf(row)}.json`, JSON.stringify(row))
}

const nameOf = ({ store, fault }: Pick<Row, 'store' | 'fault'>) => `${store}--${fault}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

interface Most {
  sockets: number
  heapGrowth: number
}

/** Looks at the processes now and then, and keeps the most that it saw. */
class Watch {
  readonly #site: Site
  readonly #first = new Map<number, number>()
  #most: Most = { sockets: 0, heapGrowth: 0 }
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<unknown> = Promise.resolve()

  constructor(site: Site) {
    this.#site = site
  }

  async begin(): Promise<void> {
    await this.#look()
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look())
    }, LOOK_EVERY_MS)
  }

  async end(): Promise<Most> {
    clearInterval(this.#timer)
    await this.#looking
    return this.#most
  }

  async #look(): Promise<void> {
    for (const worker of this.#site.workers) {
      // One that is being killed tells nothing.
      const facts = await worker.facts().catch(() => undefined)
      if (!facts) continue
      const first = this.#first.get(worker.pid) ?? facts.heap
      this.#first.set(worker.pid, first)
      this.#most = {
        sockets: Math.max(this.#most.sockets, facts.sockets),
        heapGrowth: Math.max(this.#most.heapGrowth, facts.heap - first),
      }
    }
  }
}
