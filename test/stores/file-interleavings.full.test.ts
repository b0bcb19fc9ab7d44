// H16, without processes: two or three of them on one disk, in every order of their steps, each stopped and continued, or killed,
// between any two calls of the file system. What they answer, and what lies there after each step, must be as if they had come one after the other.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GoneReason, SessionRecord } from '../../src/core/record.ts'
import { FileStore } from '../../src/stores/file.ts'
import { FakeDisk } from './file-disk.ts'
import { type Call, History } from './file-history.ts'
import { playAll, playOne, Stepper } from './file-schedule.ts'

const START = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

let unique = 0
beforeEach(() => {
  // The same play must be the same each time: names in order.
  vi.spyOn(crypto, 'randomUUID').mockImplementation(() => `${String(++unique).padStart(8, '0')}-0000-0000-0000-000000000000`)
  vi.spyOn(Date, 'now').mockReturnValue(START)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const record = (key: string, version: string, part: Partial<SessionRecord> = {}): SessionRecord => ({
  key,
  partition: '',
  data: `{"by":"${version}"}`,
  version,
  createdAt: START,
  touchedAt: START,
  idleMs: HOUR,
  expiresAt: START + HOUR,
  ...part,
})
const create = (made: SessionRecord): Call => ({
  name: `create ${made.version}`,
  ask: store => store.create(made),
  answer: model => model.create(made),
})
const save = (made: SessionRecord, expected: string): Call => ({
  name: `save ${made.version} over ${expected}`,
  ask: store => store.save(made, expected),
  answer: model => model.save(made, expected),
})
const replace = (old: string, expected: string, made: SessionRecord, reason: GoneReason = 'regenerated'): Call => ({
  name: `replace ${old} ${expected} by ${made.key} ${made.version}`,
  ask: store => store.replace(old, expected, made, reason),
  answer: model => model.replace(old, expected, made, reason),
})
const touch = (key: string, touchedAt: number): Call => {
  const times = { touchedAt, expiresAt: touchedAt + HOUR }
  return { name: `touch ${key}`, ask: store => store.touch(key, times), answer: model => model.touch(key, times) }
}
const remove = (key: string, reason: GoneReason = 'destroyed'): Call => ({
  name: `delete ${key}`,
  ask: store => store.delete(key, reason),
  answer: model => model.delete(key, reason),
})
const load = (key: string): Call => ({ name: `load ${key}`, ask: store => store.load(key), answer: model => model.load(key) })
const removeUser = (userKey: string): Call => ({
  name: `deleteByUser ${userKey}`,
  ask: store => store.deleteByUser(userKey),
  answer: model => model.deleteByUser(userKey, {}),
})
const listUser = (userKey: string): Call => ({
  name: `listByUser ${userKey}`,
  ask: async store => (await store.listByUser(userKey)).map(({ key }) => key).sort(),
  answer: model =>
    model
      .listByUser(userKey)
      .map(({ key }) => key)
      .sort(),
})
/** Time passes for all, and the disk grows older. */
const wait = (ms: number): Call => ({ name: `wait ${ms}`, ask: async () => ms, pause: ms })
const cleanUp: Call = { name: 'clean up', ask: store => store.deleteExpired(10) }

interface Scene {
  /** Done before, by somebody else. */
  before?: Call[]
  /** Begun then by a process that was killed: after `killedAt` of its steps. */
  crashed?: Call
  killedAt?: number
  /** How much time has passed since. */
  pause?: number
  /** What each process does. */
  scripts: Call[][]
  /** There are so many orders that only some of them are played, unless HOLDFAST_ALL_ORDERS is set. */
  large?: boolean
}

const KEYS = ['x', 'y', 'z']
const USERS = ['u']

async function begin({ before = [], crashed, killedAt = 0, pause = 0, scripts }: Scene) {
  unique = 0
  let time = START
  const disk = new FakeDisk()
  const options = { directory: '/d', cleanupInterval: false, now: () => time } as const
  const watcher = new FileStore(options, disk)
  const history = new History({ keys: KEYS, users: USERS }, time)
  const pass = (ms: number) => {
    time += ms
    disk.pass(ms)
    if (ms > 0) history.passed(time)
  }
  const playScript = async (script: Call[], store: FileStore) => {
    for (const call of script) {
      await history.play(call, store)
      pass(call.pause ?? 0)
    }
  }
  await playScript(before, watcher)
  if (crashed) {
    const stepper = new Stepper(disk)
    void stepper.play(() => history.play(crashed, new FileStore(options, stepper.fs)))
    for (let n = 0; n < killedAt; n++) await stepper.goOn()
  }
  pass(pause)
  await history.observe(watcher)
  const errors: unknown[] = []
  const steppers = scripts.map(script => {
    const stepper = new Stepper(disk)
    const store = new FileStore(options, stepper.fs)
    stepper.play(() => playScript(script, store)).catch((error: unknown) => errors.push(error))
    return stepper
  })
  let changes = disk.changes
  const observe = async () => {
    if (disk.changes !== changes) await history.observe(watcher)
    changes = disk.changes
  }
  const end = async () => {
    if (errors.length > 0) throw errors[0]
    await history.observe(watcher)
    // Whoever comes by later finds a way on, and a clean-up leaves nothing behind.
    const [next, last] = KEYS.map(key => record(key, `after ${key}`, { expiresAt: time + HOUR })) as [SessionRecord, SessionRecord]
    await playScript(
      [create(next), create(last), remove(next.key, 'revoked'), wait(2 * MINUTE), create(next), touch(next.key, time)],
      watcher,
    )
    await history.observe(watcher)
    history.check()
    pass(20 * HOUR)
    while ((await watcher.deleteExpired(10)) > 0);
    expect(disk.files()).toEqual([])
  }
  return { steppers, observe, end }
}

/** How many steps it takes what crashes, if it does not. */
async function stepsOf({ before = [], crashed }: Scene): Promise<number> {
  const [steps] = await playOne(
    () => begin({ before, scripts: [crashed ? [crashed] : []] }),
    ([first]) => first,
  )
  return steps ?? 0
}

/** Every order of all steps, as far as orders differ. */
async function inEveryOrder(scene: Scene): Promise<void> {
  const started = performance.now()
  const plays = await playAll(() => begin(scene))
  if (process.env.SHOW) console.log(expect.getState().currentTestName, plays, performance.now() - started)
}

/** Each stops after each of its steps until the others have ended, and goes on; or never does. */
async function stoppedAnywhere(scene: Scene): Promise<void> {
  const first = (waiting: number[]) => waiting[0]
  const steps = await playOne(() => begin(scene), first)
  for (const [stopped, count] of steps.entries()) {
    for (let at = 0; at < count; at++) {
      for (const killed of [false, true]) {
        let left = at
        await playOne(
          () => begin(scene),
          waiting => {
            if (left > 0 && waiting.includes(stopped)) {
              left--
              return stopped
            }
            left = 0
            return waiting.find(n => n !== stopped) ?? (killed ? undefined : waiting[0])
          },
        )
      }
    }
  }
}

/** Orders by chance, always the same ones. */
async function byChance(scene: Scene, count: number): Promise<void> {
  let seed = 1
  const chance = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return seed / 2 ** 32
  }
  for (let n = 0; n < count; n++) {
    let current = 0
    await playOne(
      () => begin(scene),
      waiting => {
        if (!waiting.includes(current) || chance() < 0.15) current = waiting[Math.floor(chance() * waiting.length)] as number
        return waiting.length === 0 ? undefined : current
      },
    )
  }
}

const x1 = record('x', 'x1')
const user = { userKey: 'u', userId: 'alice' }
const hers = record('x', 'x1', user)
const later = { expiresAt: START + 9 * HOUR }

const scenes: Record<string, Scene> = {
  'save and save': { before: [create(x1)], scripts: [[save(record('x', 'a'), 'x1')], [save(record('x', 'b'), 'x1')]] },
  'save and the same save again': { before: [create(x1)], scripts: [[save(record('x', 'a'), 'x1')], [save(record('x', 'a'), 'x1')]] },
  'save and delete': { before: [create(x1)], scripts: [[save(record('x', 'a'), 'x1')], [remove('x')]] },
  'save and touch': { before: [create(x1)], scripts: [[save(record('x', 'a'), 'x1')], [touch('x', START + 1)]] },
  'save and three saves of another': {
    large: true,
    before: [create(x1)],
    scripts: [[save(record('x', 'a'), 'x1')], [save(record('x', 'b'), 'x1'), save(record('x', 'c'), 'b'), save(record('x', 'd'), 'c')]],
  },
  'save and delete, forgotten and created again': {
    large: true,
    before: [create(x1)],
    scripts: [[save(record('x', 'a'), 'x1')], [remove('x'), wait(HOUR), cleanUp, create(record('x', 'b', later))]],
  },
  'save and save, both forgotten': {
    large: true,
    before: [create(x1)],
    scripts: [[save(record('x', 'a', later), 'x1')], [save(record('x', 'b'), 'x1'), wait(3 * HOUR), cleanUp, load('x')]],
  },
  'touch and touch': { before: [create(x1)], scripts: [[touch('x', START + 2)], [touch('x', START + 1)]] },
  'touch and delete': { before: [create(x1)], scripts: [[touch('x', START + 2)], [remove('x')]] },
  'delete and delete': { before: [create(x1)], scripts: [[remove('x')], [remove('x', 'revoked')]] },
  'create and create': { scripts: [[create(record('x', 'a'))], [create(record('x', 'b'))]] },
  'create and delete': { scripts: [[create(record('x', 'a'))], [remove('x')]] },
  'create, create and delete': { large: true, scripts: [[create(record('x', 'a'))], [create(record('x', 'b'))], [remove('x')]] },
  'create and create over what has ended': {
    before: [create(x1)],
    pause: HOUR + 1,
    scripts: [[create(record('x', 'a', later))], [create(record('x', 'b', later))]],
  },
  'clean-up and clean-up': { before: [create(x1)], pause: 2 * HOUR, scripts: [[cleanUp], [cleanUp]] },
  'clean-up and save': { before: [create(x1)], pause: 2 * HOUR, scripts: [[cleanUp], [save(record('x', 'a', later), 'x1')]] },
  'clean-up and delete': { large: true, before: [create(x1)], pause: 2 * HOUR, scripts: [[cleanUp], [remove('x')]] },
  'clean-up and create': { large: true, before: [create(x1)], pause: 2 * HOUR, scripts: [[cleanUp], [create(record('x', 'a', later))]] },
  'clean-up, create and create': {
    large: true,
    before: [create(x1)],
    pause: 2 * HOUR,
    scripts: [[cleanUp], [create(record('x', 'a', later))], [create(record('x', 'b', later))]],
  },
  'clean-up and create, save, save': {
    large: true,
    before: [create(x1)],
    pause: 2 * HOUR,
    scripts: [[cleanUp], [create(record('x', 'a', later)), save(record('x', 'b', later), 'a'), save(record('x', 'c', later), 'b')]],
  },
  'clean-up, and clean-up and create': {
    before: [create(x1)],
    pause: 2 * HOUR,
    scripts: [[cleanUp], [cleanUp, create(record('x', 'a', later))]],
  },
  'save and replace': { before: [create(x1)], scripts: [[save(record('x', 'a'), 'x1')], [replace('x', 'x1', record('y', 'y1'))]] },
  'touch and replace': { large: true, before: [create(x1)], scripts: [[touch('x', START + 1)], [replace('x', 'x1', record('y', 'y1'))]] },
  'delete and replace': { large: true, before: [create(x1)], scripts: [[remove('x')], [replace('x', 'x1', record('y', 'y1'))]] },
  'replace and replace': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [replace('x', 'x1', record('z', 'z1'))]],
  },
  'replace and the same replace again': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [replace('x', 'x1', record('y', 'y1'))]],
  },
  'two replaced by one key': {
    large: true,
    before: [create(x1), create(record('z', 'z1'))],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [replace('z', 'z1', record('y', 'y2'))]],
  },
  'replace of what replaces': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [load('y'), replace('y', 'y1', record('z', 'z1'))]],
  },
  'replace there and back': {
    before: [create(x1), create(record('y', 'y1'))],
    scripts: [[replace('x', 'x1', record('y', 'y2'))], [replace('y', 'y1', record('x', 'x2'))]],
  },
  'replace and create of the new key': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [create(record('y', 'y2'))]],
  },
  'replace and delete of the new key': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [remove('y')]],
  },
  'replace and loads, the new one first': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [load('y'), load('x'), load('y')]],
  },
  'replace, and save of the new one': {
    large: true,
    before: [create(x1)],
    scripts: [[replace('x', 'x1', record('y', 'y1'))], [save(record('y', 'y2'), 'y1'), touch('y', START + 5)]],
  },
  'login and deleteByUser': { scripts: [[create(record('y', 'y1', user))], [removeUser('u')]] },
  'login and list': { scripts: [[create(record('x', 'x1', user))], [listUser('u')]] },
  'two logins': {
    large: true,
    scripts: [
      [create(record('x', 'x1', user)), listUser('u')],
      [create(record('y', 'y1', user)), listUser('u')],
    ],
  },
  'login and logout': { before: [create(hers)], scripts: [[create(record('y', 'y1', user))], [remove('x'), listUser('u')]] },
  'login and clean-up': {
    large: true,
    before: [create(hers)],
    pause: 2 * HOUR,
    scripts: [[create(record('x', 'y1', { ...user, ...later })), listUser('u')], [cleanUp]],
  },
  'rotation and deleteByUser': {
    large: true,
    before: [create(hers)],
    scripts: [[replace('x', 'x1', record('y', 'y1', user))], [removeUser('u')]],
  },
  'rotation and list': { large: true, before: [create(hers)], scripts: [[replace('x', 'x1', record('y', 'y1', user))], [listUser('u')]] },
}

const y1 = record('y', 'y1', later)
const crashes: Record<string, Scene> = {
  create: { crashed: create(x1), scripts: [[create(record('x', 'a'))], [create(record('x', 'b'))]] },
  'create, forgotten': { large: true, crashed: create(x1), pause: 3 * HOUR, scripts: [[cleanUp], [create(record('x', 'a', later))]] },
  login: { crashed: create(hers), scripts: [[removeUser('u'), listUser('u')], [load('x')]] },
  save: { before: [create(x1)], crashed: save(record('x', 'a'), 'x1'), scripts: [[save(record('x', 'b'), 'x1')], [load('x')]] },
  delete: { before: [create(x1)], crashed: remove('x'), scripts: [[save(record('x', 'b'), 'x1')], [load('x')]] },
  'delete, forgotten': {
    large: true,
    before: [create(x1)],
    crashed: remove('x'),
    pause: 3 * HOUR,
    scripts: [[cleanUp], [create(record('x', 'a', later))]],
  },
  'clean-up': {
    large: true,
    before: [create(x1), wait(3 * HOUR)],
    crashed: cleanUp,
    scripts: [[cleanUp], [create(record('x', 'a', later))]],
  },
  'replace, and again': {
    large: true,
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    scripts: [[replace('x', 'x1', y1)], [load('y')]],
  },
  'replace, and saves': {
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    scripts: [[save(record('x', 'a'), 'x1')], [save(record('y', 'b'), 'y1')]],
  },
  'replace, and both created again': {
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    pause: 2 * MINUTE,
    scripts: [[create(record('x', 'a', later))], [create(record('y', 'b', later))]],
  },
  'replace, and the old one created again': {
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    pause: 2 * MINUTE,
    scripts: [[create(record('x', 'a', later))], [load('y'), load('y')]],
  },
  'replace, and the old one cleaned up': {
    large: true,
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    pause: 3 * HOUR,
    scripts: [[cleanUp], [load('y'), load('y')]],
  },
  'replace, and the new one deleted': {
    large: true,
    before: [create(x1)],
    crashed: replace('x', 'x1', y1),
    scripts: [[remove('y'), load('x')], [touch('x', START + 1)]],
  },
  'replace, and the user logged out': {
    before: [create(hers)],
    crashed: replace('x', 'x1', record('y', 'y1', user)),
    scripts: [[removeUser('u'), listUser('u')], [load('y')]],
  },
}

const all = process.env.HOLDFAST_ALL_ORDERS !== undefined

const wholly = ({ large }: { large?: boolean }) => all || !large

describe('H16: whatever the order', () => {
  for (const [name, scene] of Object.entries(scenes)) {
    it(`of ${name}`, async () => {
      await stoppedAnywhere(scene)
      await byChance(scene, 50)
      if (wholly(scene)) await inEveryOrder(scene)
    }, 600_000)
  }

  for (const [name, scene] of Object.entries(crashes)) {
    it(`of what comes after the end of a process in the middle of ${name}`, async () => {
      const steps = await stepsOf(scene)
      for (let killedAt = 0; killedAt <= steps; killedAt++) {
        if (wholly(scene)) await inEveryOrder({ ...scene, killedAt })
        else await byChance({ ...scene, killedAt }, 8)
      }
    }, 600_000)
  }
})
