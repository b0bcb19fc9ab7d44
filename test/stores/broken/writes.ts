// Stores whose create, save or replace is broken.
import type { SessionRecord } from 'holdfast'
import { RECENT_VERSIONS } from '../../../src/core/record.ts'
import { type BrokenStore, elsewhere } from './workshop.ts'

const { parse, stringify } = JSON

const create: BrokenStore[] = [
  {
    name: 'create overwrites what lives',
    caughtBy: 'never overwrites',
    breakage: store => ({ create: record => store.put(record) }),
  },
  {
    name: 'create makes what has ended live again',
    caughtBy: 'what was destroyed stays dead',
    breakage: store => ({
      create: async record => {
        const found = await store.load(record.key)
        return found && 'gone' in found ? store.put(record) : store.create(record)
      },
    }),
  },
  {
    name: 'create has a second winner: it looks, and then writes',
    caughtBy: 'of racing creators exactly one wins',
    breakage: store => ({
      create: async record => {
        const found = await store.load(record.key)
        await elsewhere()
        return found ? store.create(record) : store.put(record)
      },
    }),
  },
  {
    name: 'create does not know its own version',
    caughtBy: ['has been done: create, save, replace', 'by several clients in turn'],
    breakage: store => ({ create: async record => !(await store.load(record.key)) && store.create(record) }),
  },
  {
    name: 'create is refused where something has expired',
    caughtBy: 'read by each operation before anything else',
    breakage: store => ({ create: async record => !store.written.has(record.key) && store.create(record) }),
  },
  {
    name: 'an expired tombstone still refuses a create',
    caughtBy: ['a tombstone lies for a minute', 'by several clients in turn'],
    breakage: store => {
      const ended = new Set<string>()
      return {
        delete: (key, reason) => store.delete(key, ended.add(key) && reason),
        create: async record => !ended.has(record.key) && store.create(record),
      }
    },
  },
  {
    name: 'it keeps the objects that it is given',
    caughtBy: 'shares no object with its callers',
    breakage: store => {
      const given = new Map<string, SessionRecord>()
      return {
        create: record => store.create(given.set(record.key, record).get(record.key) as SessionRecord),
        load: async key => ((await store.live(key)) && given.get(key)) ?? store.load(key),
      }
    },
  },
  {
    name: 'it gives away its own objects',
    caughtBy: 'shares no object with its callers',
    breakage: store => {
      const cache = new Map<string, SessionRecord>()
      return {
        load: async key => {
          const found = await store.live(key)
          if (!found) return store.load(key)
          const cached = cache.get(key) ?? found
          cache.set(key, cached)
          return cached
        },
      }
    },
  },
  {
    name: 'keys differ in case only: a collation that ignores it',
    caughtBy: 'H14: tells keys apart',
    breakage: store => ({
      create: record => store.create({ ...record, key: record.key.toLowerCase() }),
      load: key => store.load(key.toLowerCase()),
    }),
  },
  {
    name: 'keys are told apart by their hash alone',
    caughtBy: 'H14: tells keys apart',
    breakage: store => ({
      create: record => store.create({ ...record, key: record.key.slice(-43) }),
      load: key => store.load(key.slice(-43)),
    }),
  },
]

const save: BrokenStore[] = [
  {
    name: 'save inserts',
    caughtBy: ['it never inserts', 'by several clients in turn'],
    breakage: store => ({
      save: async (record, version) => {
        const result = await store.save(record, version)
        if (result.status !== 'missing') return result
        await store.create(record)
        return { status: 'saved' }
      },
    }),
  },
  {
    name: 'save brings back what was destroyed',
    caughtBy: 'what was destroyed stays dead',
    breakage: store => ({
      save: async (record, version) => {
        const found = await store.load(record.key)
        return found && 'gone' in found && (await store.put(record)) ? { status: 'saved' } : store.save(record, version)
      },
    }),
  },
  {
    name: 'save ignores the version',
    caughtBy: 'with another version, answers with what is there and changes nothing',
    breakage: store => ({ save: async (record, version) => store.save(record, (await store.live(record.key))?.version ?? version) }),
  },
  {
    name: 'save is content with an earlier version',
    caughtBy: ['with another version, answers with what is there and changes nothing', 'by several clients in turn'],
    breakage: store => ({
      save: async (record, version) => {
        const current = (await store.live(record.key))?.version
        return store.save(record, current && store.versions.get(record.key)?.includes(version) ? current : version)
      },
    }),
  },
  {
    name: 'save compares versions without their case',
    caughtBy: 'with another version, answers with what is there and changes nothing',
    breakage: store => ({
      save: async (record, version) => {
        const current = (await store.live(record.key))?.version
        return store.save(record, current?.toLowerCase() === version.trim().toLowerCase() ? current : version)
      },
    }),
  },
  {
    name: 'save looks, and then writes',
    caughtBy: ['of racing writers exactly one wins', 'by several clients at once'],
    breakage: store => ({
      save: async (record, version) => {
        const found = await store.live(record.key)
        if (found?.version !== version) return store.save(record, version)
        await elsewhere()
        return store.save(record, (await store.live(record.key))?.version ?? version)
      },
    }),
  },
  {
    name: 'save looks, and then inserts over a delete',
    caughtBy: ['that races with a delete never brings the record back', 'by several clients at once'],
    breakage: store => ({
      save: async (record, version) => {
        const found = await store.live(record.key)
        if (found?.version !== version) return store.save(record, version)
        await elsewhere()
        await store.put(record)
        return { status: 'saved' }
      },
    }),
  },
  {
    name: 'a conflict answers with what was there before',
    caughtBy: ['the others are told who', 'by several clients at once'],
    breakage: store => ({
      save: async (record, version) => {
        const before = await store.live(record.key)
        await elsewhere()
        const result = await store.save(record, version)
        return result.status === 'conflict' && before ? { status: 'conflict', current: before } : result
      },
    }),
  },
  {
    name: 'save loses what was there before, and what is new: it merges',
    caughtBy: 'with the version that is there, overwrites all',
    breakage: store => ({ save: async (record, version) => store.save({ ...(await store.live(record.key)), ...record }, version) }),
  },
  {
    name: 'a save gives the session to another user',
    caughtBy: 'never changes whom a record belongs to',
    breakage: store => ({
      save: async (record, version) => {
        const result = await store.save(record, version)
        if (result.status === 'saved') await store.put(record)
        return result
      },
    }),
  },
  {
    name: 'a save writes to its neighbour as well',
    caughtBy: 'leaves the others as they are',
    breakage: store => ({
      save: async (record, version) => {
        for (const other of await store.listByUser(record.userKey ?? '')) await store.save({ ...record, key: other.key }, other.version)
        return store.save(record, version)
      },
    }),
  },
  {
    name: 'a conflict is answered with "missing"',
    caughtBy: 'H2: loses no write',
    breakage: store => ({
      save: async (record, version) => {
        const result = await store.save(record, version)
        return result.status === 'conflict' ? { status: 'missing' } : result
      },
    }),
  },
  {
    name: 'a save keeps the life that was there',
    caughtBy: 'a save gives the life that it says',
    breakage: store => ({
      save: async (record, version) =>
        store.save({ ...record, expiresAt: (await store.live(record.key))?.expiresAt ?? record.expiresAt }, version),
    }),
  },
]

const KNOWN = `is known until ${RECENT_VERSIONS} later writes`

/** The number of a key's latest versions among which this one is; 0: the latest; -1: it never was there. */
const age = (versions: string[] | undefined, version: string) => [...(versions ?? [])].reverse().indexOf(version)

const again: BrokenStore[] = [
  ...[0, RECENT_VERSIONS - 1].map(kept => ({
    name: `it knows only the last ${kept} versions`,
    caughtBy: KNOWN,
    breakage: (store => ({
      save: async (record, version) => {
        const current = await store.live(record.key)
        if (current && age(store.versions.get(record.key), record.version) > kept) return { status: 'conflict', current }
        const known = current && store.versions.get(record.key)?.includes(record.version)
        const result = known ? ({ status: 'saved' } as const) : await store.save(record, version)
        return result
      },
    })) as BrokenStore['breakage'],
  })),
  {
    name: 'a create that comes again after saves is refused',
    caughtBy: KNOWN,
    breakage: store => ({
      create: async record => {
        const found = await store.live(record.key)
        return (!found || found.version === record.version) && store.create(record)
      },
    }),
  },
  {
    name: 'a replace that comes again after saves is missing',
    caughtBy: KNOWN,
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const found = await store.live(record.key)
        return found && found.version !== record.version ? { status: 'missing' } : store.replace(oldKey, version, record, reason)
      },
    }),
  },
  {
    name: 'a save that comes again is carried out again',
    caughtBy: 'does not undo a touch that came between',
    breakage: store => ({
      save: async (record, version) => {
        const current = await store.live(record.key)
        if (current?.version === record.version) await store.put(record)
        return store.save(record, version)
      },
    }),
  },
  {
    name: 'a version of any key is known',
    caughtBy: 'is not taken for another',
    breakage: store => ({
      save: async (record, version) => {
        const known = [...store.versions.values()].some(all => all.includes(record.version))
        return known && (await store.live(record.key)) ? { status: 'saved' } : store.save(record, version)
      },
    }),
  },
  {
    name: 'versions of an earlier life are known',
    caughtBy: 'is not known in a later life',
    breakage: store => ({
      save: async (record, version) => {
        const known = store.versions.get(record.key)?.includes(record.version)
        return known && (await store.live(record.key)) ? { status: 'saved' } : store.save(record, version)
      },
    }),
  },
  {
    name: 'a replace that comes again after the new one has ended is "replaced"',
    caughtBy: 'to what has ended meanwhile is missing',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) =>
        store.written.get(record.key)?.version === record.version ? { status: 'replaced' } : store.replace(oldKey, version, record, reason),
    }),
  },
  {
    name: 'of one replace that comes twice at once, the second undoes the first',
    caughtBy: 'that comes twice at once is done once',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const old = await store.live(oldKey)
        if (old?.version !== version) return store.replace(oldKey, version, record, reason)
        await elsewhere()
        await store.create(record)
        await elsewhere()
        if (await store.delete(oldKey, reason)) return { status: 'replaced' }
        await store.delete(record.key, 'destroyed')
        return { status: 'missing' }
      },
    }),
  },
]

const replace: BrokenStore[] = [
  {
    name: 'replace leaves the old one alive',
    caughtBy: 'inserts the new and buries the old',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const old = await store.live(oldKey)
        const result = await store.replace(oldKey, version, record, reason)
        if (result.status === 'replaced' && old) await store.put(old)
        return result
      },
    }),
  },
  {
    name: 'replace leaves no tombstone',
    caughtBy: 'what was replaced stays dead',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const result = await store.replace(oldKey, version, record, reason)
        if (result.status === 'replaced') store.forget(oldKey)
        return result
      },
    }),
  },
  {
    name: 'replace forgets the reason',
    caughtBy: ['inserts the new and buries the old', 'by several clients in turn'],
    breakage: store => ({ replace: (oldKey, version, record) => store.replace(oldKey, version, record, 'destroyed') }),
  },
  {
    name: 'replace ignores the version',
    caughtBy: 'with another version, answers with what is there and inserts nothing, within',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) =>
        store.replace(oldKey, (await store.live(oldKey))?.version ?? version, record, reason),
    }),
  },
  {
    name: 'replace inserts, and then compares',
    caughtBy: 'with another version, answers with what is there and inserts nothing, between',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const result = await store.replace(oldKey, version, record, reason)
        if (result.status === 'conflict') await store.create(record)
        return result
      },
    }),
  },
  {
    name: 'replace inserts where there was nothing to be replaced',
    caughtBy: 'of what is not there, or has ended, is missing and inserts nothing, within',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const result = await store.replace(oldKey, version, record, reason)
        if (result.status === 'missing') await store.create(record)
        return result
      },
    }),
  },
  {
    name: 'replace of nothing is an insert, between partitions',
    caughtBy: 'of what is not there, or has ended, is missing and inserts nothing, between',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        const result = await store.replace(oldKey, version, record, reason)
        return result.status === 'missing' && (await store.create(record)) ? { status: 'replaced' } : result
      },
    }),
  },
  ...['within', 'between'].map(where => ({
    name: `replace overwrites what has the new key, ${where}`,
    caughtBy: `is denied and changes nothing, ${where}`,
    breakage: (store => ({
      replace: async (oldKey, version, record, reason) => {
        if ((await store.live(oldKey))?.version === version && (await store.load(record.key))) store.forget(record.key)
        return store.replace(oldKey, version, record, reason)
      },
    })) as BrokenStore['breakage'],
  })),
  ...['within', 'between'].flatMap(where =>
    ['H3: of racing calls exactly one wins', 'H3: loses no save', 'that races with a delete leaves the old record dead'].map(test => ({
      name: `replace looks, and then writes (${test}, ${where})`,
      caughtBy: `${test}`,
      breakage: (store => ({
        replace: async (oldKey, version, record, reason) => {
          if ((await store.live(oldKey))?.version !== version) return store.replace(oldKey, version, record, reason)
          await elsewhere()
          await store.create(record)
          await store.delete(oldKey, reason)
          return { status: 'replaced' }
        },
      })) as BrokenStore['breakage'],
    })),
  ),
  {
    name: 'replace is denied where something has expired',
    caughtBy: 'what has expired is nothing',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) =>
        store.written.has(record.key) ? { status: 'denied' } : store.replace(oldKey, version, record, reason),
    }),
  },
  {
    name: 'replace loses the user',
    caughtBy: 'a replace moves the entry',
    breakage: store => ({
      replace: (oldKey, version, { userKey: _, ...record }, reason) => store.replace(oldKey, version, record, reason),
    }),
  },
  {
    name: 'replace stays in its partition',
    caughtBy: 'moves between partitions',
    breakage: store => ({
      replace: async (oldKey, version, record, reason) => {
        if (record.partition !== oldKey.slice(0, 3)) throw new Error('CROSSSLOT')
        return store.replace(oldKey, version, record, reason)
      },
    }),
  },
]

/** A breakage of the data on their way in. */
const lossy = (name: string, caughtBy: string, change: (record: SessionRecord) => SessionRecord): BrokenStore => ({
  name,
  caughtBy,
  breakage: store => ({
    create: record => store.create(change(record)),
    save: (record, version) => store.save(change(record), version),
    replace: (oldKey, version, record, reason) => store.replace(oldKey, version, change(record), reason),
  }),
})

/** JSON as a careless store copies it: names that a prototype has are lost. */
const careless = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const out: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) out[key] = careless(part)
  return out
}
const truncated = (data: string) => `${data.slice(0, 65_535)}`
const without = (record: SessionRecord, ...names: (keyof SessionRecord)[]): SessionRecord =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name as keyof SessionRecord))) as unknown as SessionRecord

const data: BrokenStore[] = [
  lossy('data lose __proto__', 'names of prototypes', record => ({ ...record, data: stringify(careless(parse(record.data))) })),
  lossy('data are written anew: numbers', 'numbers as they are written', record => ({ ...record, data: stringify(parse(record.data)) })),
  lossy('data are written anew: order', 'order, blanks and doubles', record => ({ ...record, data: stringify(parse(record.data)) })),
  lossy('data are written anew: escapes', 'back to the octet: escapes', record => ({ ...record, data: stringify(parse(record.data)) })),
  lossy('data are UTF-8 of their values', 'back to the octet: escapes', record => ({
    ...record,
    data: record.data.replaceAll('\\ud800', '\ufffd'),
  })),
  lossy('data are normalised', 'text in many scripts', record => ({ ...record, data: record.data.normalize('NFC') })),
  lossy('data may not be deep', 'octet: depth', record => ({ ...record, data: record.data.includes('[[[[[[[[') ? '{}' : record.data })),
  lossy('data of 64 KiB at most', 'at the size limit', record => ({ ...record, data: truncated(record.data) })),
  lossy('data with quotes are escaped twice', 'octet: quotes', record => ({ ...record, data: record.data.replaceAll("'", "''") })),
  lossy('data lose names of fields', 'octet: names of fields', record => ({ ...record, data: record.data.replace('"_id":"x",', '') })),
  lossy('data lose dots in names', 'octet: names with a meaning', record => ({ ...record, data: record.data.replaceAll('a.b', 'a_b') })),
  lossy('data lose null', 'every kind of value', record => ({ ...record, data: record.data.replace('"a":null,', '') })),
  lossy('data that are empty are absent', 'octet: an empty object', record => (record.data === '{}' ? { ...record, data: '' } : record)),
  lossy('texts that look like dates become dates', 'not a number, not a date', record => ({
    ...record,
    data: record.data.replace('T00:00:00.000Z', ''),
  })),
  lossy('meta loses __proto__', 'meta comes back as it was', record =>
    record.meta ? { ...record, meta: careless(record.meta) as Record<string, unknown> } : record,
  ),
  lossy('meta that is empty is absent', 'meta comes back as it was', record =>
    record.meta && Object.keys(record.meta).length === 0 ? without(record, 'meta') : record,
  ),
  lossy('maxAge null is absent', 'gives back what was put in', record => (record.maxAge === null ? without(record, 'maxAge') : record)),
  lossy('what is absent is undefined', 'gives back what was put in', record => ({ ...record, maxAge: record.maxAge as null })),
  lossy('times are of 32 bits', 'times and spans come back', record => ({ ...record, idleMs: Math.min(record.idleMs, 2 ** 31 - 1) })),
  lossy('times have 15 digits', 'times and spans come back', record => ({
    ...record,
    expiresAt: Number(record.expiresAt.toPrecision(15)),
  })),
  lossy('names of users are trimmed', 'names of users come back', record =>
    record.userId === undefined ? record : { ...record, userId: record.userId.trim() },
  ),
  {
    name: 'users are told apart without case',
    caughtBy: 'names of users come back',
    breakage: store => ({
      create: record => store.create(record.userKey === undefined ? record : { ...record, userKey: record.userKey.toLowerCase() }),
      listByUser: async userKey => (await store.listByUser(userKey.toLowerCase())).map(record => ({ ...record, userKey })),
      deleteByUser: userKey => store.deleteByUser(userKey.toLowerCase()),
    }),
  },
]

export const brokenWrites: readonly BrokenStore[] = [...create, ...save, ...again, ...replace, ...data]
