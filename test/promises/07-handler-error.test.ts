import { expect, it, vi } from 'vitest'
import type { Loose } from '../support/subjects.ts'
import { dropInModes, everyMode, type Mode, refuse, type Site, storeModes, write } from './support.ts'
import { onKoa, table } from './table.ts'

const writeAndFail = write({ name: 'ann' }, refuse(403, 'the handler says no'))

function breakStore(site: Site, mode: Mode, error: unknown): void {
  site.store.fail(mode.place === 'map' ? 'set' : 'create', error)
}

table(storeModes, (open, mode) => {
  it("promise 7: the handler's error is the answer, the store's is reported beside it", async () => {
    const own = Object.assign(new Error('the handler says no'), { status: 409, expose: true })
    const cause = new Error('the store is down')
    const site = await open({
      routes: {
        '*': t => {
          t.session.name = 'ann'
          throw own
        },
      },
    })
    breakStore(site, mode, cause)
    const answer = await site.visitor().get('/')
    expect(answer).toMatchObject({ status: 409, body: 'the handler says no', setCookie: [] })
    expect(site.errors).toHaveLength(2)
    expect(site.errors).toContainEqual(expect.objectContaining({ name: 'SessionStoreError', code: 'HOLDFAST_STORE', cause }))
    expect(site.errors).toContain(own)
    expect(own.cause).toBeUndefined()
    expect(await site.store.living()).toBe(0)
  })

  it('promise 7: what was thrown and is no error survives as well', async () => {
    const site = await open({
      routes: {
        '*': t => {
          t.session.name = 'ann'
          throw 'a text'
        },
      },
    })
    breakStore(site, mode, 'another text')
    const answer = await site.visitor().get('/')
    expect(answer).toMatchObject({ status: 500, setCookie: [] })
    const messages = site.errors.map(error => error.message).sort((a, b) => Number(a.includes('a text')) - Number(b.includes('a text')))
    expect(messages).toEqual([expect.stringContaining('session store'), expect.stringContaining('a text')])
  })

  it('promise 7: without an error of the handler, the failing save is the answer', async () => {
    const site = await open({ routes: { '*': write({ name: 'ann' }) } })
    breakStore(site, mode, new Error('the store is down'))
    const answer = await site.visitor().get('/')
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error', setCookie: [] })
    expect(site.errors).toMatchObject([{ code: 'HOLDFAST_STORE' }])
  })
})

table(everyMode, open => {
  it('promise 7: the same where the data cannot be written', async () => {
    const site = await open({
      routes: {
        '*': t => {
          const wheel: Loose = {}
          wheel.of = wheel
          t.session.wheel = wheel
          t.session.count = 1n
          t.fail(403, 'the handler says no')
        },
      },
    })
    const answer = await site.visitor().get('/')
    expect(answer).toMatchObject({ status: 403, body: 'the handler says no', setCookie: [] })
    expect(site.errors.map(({ status }) => status)).toContain(403)
    expect(site.errors.length).toBe(2)
  })
})

table(
  everyMode,
  open => {
    it('promise 7: a listener of errors that throws does not change the answer', async () => {
      const site = await open({ routes: { '*': write({ count: 1n }, refuse(403, 'the handler says no')) } })
      site.app.prependOnceListener('error', () => {
        throw new Error('the listener failed')
      })
      expect(await site.visitor().get('/')).toMatchObject({ status: 403, body: 'the handler says no' })
    })
  },
  onKoa,
)

table(
  dropInModes,
  open => {
    it.each(['beforeSave', 'encode'])('promise 7: a %s that throws beside the handler changes nothing', async hook => {
      const site = await open({
        options: {
          [hook]: () => {
            throw 'a text'
          },
        },
        routes: { '*': writeAndFail },
      })
      expect(await site.visitor().get('/')).toMatchObject({ status: 403, body: 'the handler says no' })
      for (const error of site.errors) expect(error).toBeInstanceOf(Error)
      if (hook === 'beforeSave') expect(site.errors[0].cause).toBe('a text')
    })

    it("promise 7: the same with the framework's own error handler", async () => {
      const print = vi.spyOn(console, 'error').mockImplementation(() => {})
      const site = await open({
        prepare: app => app.removeAllListeners('error'),
        options: {
          beforeSave: () => {
            throw 'a text'
          },
        },
        routes: { '*': writeAndFail },
      })
      expect(await site.visitor().get('/')).toMatchObject({ status: 403, body: 'the handler says no' })
      print.mockRestore()
    })
  },
  onKoa,
)
