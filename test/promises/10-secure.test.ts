import { update } from 'holdfast'
import { expect, it } from 'vitest'
import { dropInModes, read, renew, settled, type Turn, warnings, write } from './support.ts'
import { onKoa, table } from './table.ts'

const insecure = (seen: { code: string }[]) => seen.filter(warning => warning.code === 'HOLDFAST_INSECURE')

const writers: Record<string, (t: Turn) => unknown> = {
  'a write': write({ name: 'ann' }),
  'an explicit save': t => t.session.save().then(() => 'done'),
  'regenerate()': write({ name: 'ann' }, renew),
  'update()': t => update(t.session, draft => Object.assign(draft, { name: 'ann' })).then(() => 'done'),
  'an assignment': t => {
    t.session = { name: 'ann' }
    return 'done'
  },
}

table(dropInModes, (open, mode, { framework }) => {
  it.each(Object.keys(writers))('promise 10: %s on plain http gives 200, one warning, no cookie and no record', async writer => {
    const seen = warnings()
    const site = await open({ options: { secure: true }, routes: { '*': writers[writer] as (t: Turn) => unknown } })
    for (let i = 0; i < 3; i++) expect(await site.visitor().get('/')).toMatchObject({ status: 200, setCookie: [] })
    await settled()
    expect(insecure(seen)).toHaveLength(1)
    const [{ message } = { message: '' }] = insecure(seen) as unknown as { message: string }[]
    // The cause, the headers seen, the fix.
    expect(message).toMatch(/secure: true.*plain http/)
    expect(message).toContain('no X-Forwarded-Proto header came')
    expect(message).toContain(framework === 'koa' ? 'app.proxy = true' : "app.set('trust proxy', 1)")
    if (mode.place !== 'cookie') expect(site.store.size).toBe(0)
    expect(site.errors).toEqual([])
  })

  it('promise 10: a request that writes nothing says nothing', async () => {
    const seen = warnings()
    const site = await open({ options: { secure: true }, routes: { '*': read('name') } })
    await site.visitor().get('/')
    await settled()
    expect(insecure(seen)).toEqual([])
  })

  it('promise 10: what a client sends is cut and escaped in the warning', async () => {
    const seen = warnings()
    const site = await open({ options: { secure: true }, routes: { '*': write({ name: 'ann' }) } })
    await site.visitor().get('/', { headers: { 'x-forwarded-proto': `h\u00e9\u009b31m\t${'x'.repeat(300)}` } })
    await settled()
    const message = (insecure(seen) as unknown as { message: string }[])[0]?.message ?? ''
    expect(message).toContain('X-Forwarded-Proto: h\\u{e9}\\u{9b}31m\\u{9}xxx')
    expect(message).not.toMatch(/x{65}/)
    expect(message).toMatch(/^[\x20-\x7e\u2026]*$/)
  })

  it('promise 10: behind a proxy that is believed, the cookie is set and nothing is said', async () => {
    const seen = warnings()
    const site = await open({
      options: { secure: true },
      proxy: true,
      routes: { '*': write({ name: 'ann' }) },
    })
    const answer = await site.visitor().get('/', { headers: { 'x-forwarded-proto': 'https' } })
    expect(answer.setCookie[0]).toMatch(/; secure/i)
    await site.visitor().get('/', { headers: { 'x-forwarded-proto': 'http' } })
    await settled()
    expect(insecure(seen)).toMatchObject([{ message: expect.stringContaining('X-Forwarded-Proto: http came') }])
  })
})

table(
  dropInModes,
  open => {
    it('promise 10: an app that vouches for the connection is believed', async () => {
      const site = await open({
        options: { secure: true },
        around: (t, next) => {
          t.own.cookies.secure = true
          return next()
        },
        routes: { '*': write({ name: 'ann' }) },
      })
      expect((await site.visitor().get('/')).setCookie[0]).toMatch(/; secure/)
    })
  },
  onKoa,
)
