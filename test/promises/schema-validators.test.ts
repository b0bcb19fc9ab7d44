// The option `schema` with the validators that people have: zod, valibot, arktype.

import { type } from 'arktype'
import { createSessions } from 'holdfast'
import { MemoryStore } from 'holdfast/stores/memory'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import { keys, nativeCookie, nativeMemory, type Setup, settled, tellAll, write } from './support.ts'
import { table } from './table.ts'

/** One shape, said three times: a list of texts, empty if absent, a note perhaps, and a time. */
const validators = {
  zod: z.object({ items: z.array(z.string()).default([]), note: z.string().optional(), seen: z.coerce.date().optional() }),
  valibot: v.object({
    items: v.optional(v.array(v.string()), []),
    note: v.optional(v.string()),
    seen: v.optional(v.pipe(v.union([v.string(), v.date()]), v.toDate())),
  }),
  arktype: type({ items: type('string[]').default(() => []), 'note?': 'string', 'seen?': 'string.date.parse | Date' }),
}

/** The same, with a question that is answered later. Arktype has none. */
const late = {
  zod: z.object({ items: z.array(z.string()) }).refine(async ({ items }) => items.length < 3),
  valibot: v.pipeAsync(
    v.object({ items: v.array(v.string()) }),
    v.checkAsync(async ({ items }) => items.length < 3),
  ),
}

const SEEN = '2030-01-01T00:00:00.000Z'

const routes: Setup['routes'] = {
  '/right': write({ items: ['apple'], note: 'n' }),
  '/none': write({ note: 'n' }),
  '/wrong': write({ items: 7 }),
  '/many': write({ items: ['apple', 'pear', 'plum'] }),
  '/seen': write({ items: [], seen: SEEN }),
  '/when': t => (t.session.seen instanceof Date ? t.session.seen.toISOString() : typeof t.session.seen),
  '/all': tellAll,
}

table([nativeCookie, nativeMemory], (open, mode) => {
  describe.each(Object.entries(validators))('schema of %s', (_, schema) => {
    it('lets through what fits, and nothing is written for that', async () => {
      const site = await open({ routes, native: { schema } })
      const visitor = site.visitor()
      await visitor.get('/right')
      site.store.did()
      const answer = await visitor.get('/all')
      expect(JSON.parse(answer.body)).toEqual({ items: ['apple'], note: 'n' })
      expect(answer.setCookie).toEqual([])
      expect(site.store.wrote()).toEqual([])
    })

    it('adds what it has a default for', async () => {
      const site = await open({ routes, native: { schema } })
      const visitor = site.visitor()
      await visitor.get('/none')
      expect(JSON.parse((await visitor.get('/all')).body)).toEqual({ items: [], note: 'n' })
    })

    it('turns away what does not fit: a fresh session and an event', async () => {
      const old = await open({ routes })
      const site = await open({ routes, store: old.store, native: { schema } })
      const visitor = old.visitor()
      await visitor.get('/wrong')
      const later = site.visitor()
      later.take([...visitor.cookies].map(([name, value]) => `${name}=${value}`))
      expect(await later.get('/all')).toMatchObject({ status: 200, body: '{}' })
      await settled()
      expect(site.events.map(({ name }) => name)).toContain('session:malformed')
    })

    it('keeps what does not fit from being stored, and says where it lies', async () => {
      const site = await open({ routes, native: { schema } })
      expect(await site.visitor().get('/wrong')).toMatchObject({ status: 500, setCookie: [] })
      expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_DATA', message: expect.stringContaining('"items"') })
    })

    it('may make a Date of a text, each time, and nothing is written for that', async () => {
      const site = await open({ routes, native: { schema } })
      const visitor = site.visitor()
      await visitor.get('/seen')
      site.store.did()
      for (let turn = 0; turn < 2; turn++) expect(await visitor.get('/when')).toMatchObject({ body: SEEN, setCookie: [] })
      expect(site.store.wrote()).toEqual([])
    })
  })

  it.each(Object.entries(late))(
    'schema of %s that answers later is awaited with a store, and refused in cookie mode',
    async (_, schema) => {
      const site = await open({ routes, native: { schema } })
      const visitor = site.visitor()
      const written = await visitor.get('/right')
      if (mode.place === 'cookie') {
        expect(written).toMatchObject({ status: 500, setCookie: [] })
        expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_ASYNC_HOOK' })
        return
      }
      expect(JSON.parse((await visitor.get('/all')).body)).toMatchObject({ items: ['apple'] })
      expect(await site.visitor().get('/many')).toMatchObject({ status: 500, setCookie: [] })
      expect(site.errors.at(-1)).toMatchObject({ code: 'HOLDFAST_DATA' })
    },
  )
})

it.each(Object.entries(validators))('createSessions takes the schema of %s, with a store and without', (_, schema) => {
  expect(createSessions({ keys, schema })).toBeDefined()
  expect(createSessions({ keys, schema, store: new MemoryStore() })).toBeDefined()
})

it('the type of the data is what the schema gives', async () => {
  interface Cart {
    items: string[]
  }
  const ofZod = createSessions({ keys, schema: z.object({ items: z.array(z.string()).default([]) }) })
  const ofValibot = createSessions({ keys, schema: v.object({ items: v.optional(v.array(v.string()), []) }) })
  const ofArktype = createSessions({ keys, schema: type({ items: type('string[]').default(() => []) }) })
  const request = { headers: {} }
  expectTypeOf(await ofZod.load(request)).toEqualTypeOf<Cart | null>()
  expectTypeOf(await ofValibot.load(request)).toEqualTypeOf<Cart | null>()
  expectTypeOf(await ofArktype.load(request)).toEqualTypeOf<Cart | null>()
})
