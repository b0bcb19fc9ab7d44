// The admin page over HTTP, by a browser that runs no scripts.
import http from 'node:http'
import { inspect } from 'node:util'
import express from 'express'
import { createSessions } from 'holdfast'
import { admin } from 'holdfast/admin'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it } from 'vitest'
import { listening, portOf } from '../promises/serving.ts'
import { keys } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'
import { AGENTS, cardsOf, formsOf, frameworks, openSite, type PagesSite, Person, pressed, textOf } from './site.ts'

const PATH = '/admin/sessions'
const byUs = { 'sec-fetch-site': 'same-origin' }

async function people(site: PagesSite): Promise<{ root: Person; ann: Person; phone: Person; eve: Person }> {
  const ann = await new Person(site).login('ann')
  const phone = await new Person(site).login('ann', AGENTS['Safari on iPhone'], '192.0.2.2')
  const eve = await new Person(site).login('eve', AGENTS['Chrome on Windows'], '192.0.2.3')
  return { ann, phone, eve, root: await new Person(site).login('root') }
}

const told = (site: PagesSite) => site.actions.map(({ actor, reason, value }) => [actor, reason, value])

describe.each(frameworks)('the admin page on %s', framework => {
  it('shows numbers, a chart with its table, who was there last, and the audit', async () => {
    const site = await openSite(framework)
    const { root } = await people(site)
    const { body, headers, status } = await root.get(PATH)
    const text = textOf(body)
    expect(status).toBe(200)
    for (const part of ['Live sessions4', 'Users signed in3', 'Active in the last 5 minutes4']) expect(text).toContain(part)
    expect(text).toMatch(/Session store ?[\d.]+ ms/)
    expect(body).toMatch(/<svg class="chart"[^>]*role="img" aria-label="[^"]*4 sessions, at most 4[^"]*"/)
    expect([...body.matchAll(/<td class="num">(\d+)<\/td>/g)].reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4)
    expect(body).toContain('href="?user=eve"')
    const findings = site.sessions.audit().findings
    expect((body.match(/class="status /g) ?? []).length).toBe(findings.length)
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-frame-options': 'DENY' })
    expect(headers['content-security-policy']).not.toMatch(/script-src|unsafe/)
    for (const { key, version, meta } of (await site.store.list()).records) {
      for (const secret of [key.split('.')[1], version, meta.login]) expect(body).not.toContain(secret)
    }
  })

  it('H23: ends one session, those of a user and those of everyone, each an event with its actor', async () => {
    const site = await openSite(framework)
    const { root, ann, phone, eve } = await people(site)
    const page = await root.press(`${PATH}?user=ann`, 'Sign out Safari on iPhone, Hamburg')
    expect(textOf(page.body)).toContain('The session was ended.')
    expect(cardsOf(page.body)).toHaveLength(1)
    expect([await phone.whoami(), await ann.whoami(), await eve.whoami()]).toEqual(['nobody', 'ann', 'eve'])

    expect(textOf((await root.press(`${PATH}?user=ann`, 'Sign out everywhere')).body)).toContain('This user is signed in nowhere.')
    expect([await ann.whoami(), await eve.whoami()]).toEqual(['nobody', 'eve'])

    const everyone = pressed((await root.get(PATH)).body, 'Sign out everyone').fields
    for (const confirm of ['', 'yes', 'sign out', 'SIGN OUT EVERYONE']) {
      expect((await root.send(PATH, { ...everyone, confirm }, byUs)).headers.location).toBe('?done=unconfirmed')
    }
    expect(await eve.whoami()).toBe('eve')
    expect((await root.send(PATH, { ...everyone, confirm: ' sign out everyone ' }, byUs)).headers.location).toBe('?done=everyone')
    expect([await eve.whoami(), await root.whoami()]).toEqual(['nobody', 'nobody'])

    const handle = expect.stringMatching(/^[\w-]{22}$/)
    expect(told(site)).toEqual([
      ['root', 'listed', { userId: 'ann' }],
      ['root', 'ended', { userId: 'ann', handle, result: true }],
      ['root', 'listed', { userId: 'ann' }],
      ['root', 'listed', { userId: 'ann' }],
      ['root', 'endedUser', { userId: 'ann', result: 1 }],
      ['root', 'listed', { userId: 'ann' }],
      ['root', 'endedEveryone', { result: 2 }],
    ])
    expect(inspect(site.actions[1])).toBe("{ reason: 'ended', actor: 'root' }")
  })

  it('H23: without a yes of authorize it is not there, for reads neither, and nothing happens', async () => {
    let answer: Loose
    const site = await openSite(framework, { admin: { authorize: () => answer } })
    const refused: string[] = []
    site.sessions.on('session:refused', ({ reason }) => refused.push(reason))
    const { root, ann } = await people(site)
    answer = true
    const fields = pressed((await root.get(`${PATH}?user=ann`)).body, 'Sign out everywhere').fields
    const answers: Loose[] = [
      false,
      undefined,
      null,
      1,
      'true',
      {},
      Promise.resolve(false),
      Promise.resolve(1),
      Promise.resolve({ ok: true }),
    ]
    for (answer of answers) {
      for (const seen of [await root.get(PATH), await root.get(`${PATH}?user=ann`), await root.send(PATH, fields, byUs)]) {
        expect([answer, seen.status, seen.body]).toEqual([answer, 404, 'Not Found'])
      }
    }
    expect(await ann.whoami()).toBe('ann')
    expect(refused).toEqual(answers.flatMap(() => ['admin', 'admin', 'admin']))
    expect(told(site)).toEqual([['root', 'listed', { userId: 'ann' }]])
    answer = Promise.resolve(true)
    expect((await root.get(PATH)).status).toBe(200)
  })

  it('an authorize that throws is the app’s own refusal', async () => {
    const no = () => Promise.reject(Object.assign(new Error('no'), { status: 401 }))
    const site = await openSite(framework, { admin: { authorize: no } })
    expect((await new Person(site).get(PATH)).status).toBe(401)
  })

  it('H23: who ends sessions of others must have signed in of late; `within: false` leaves that to authorize', async () => {
    let now = Date.now()
    const site = await openSite(framework, { sessions: { now: () => now } })
    const { root, ann } = await people(site)
    now += 15 * 60_000 + 1
    const answer = await root.press(`${PATH}?user=ann`, 'Sign out everywhere')
    expect([answer.status, answer.body.includes('href="/confirm"'), await ann.whoami()]).toEqual([403, true, 'ann'])
    await root.get('/confirm')
    await root.press(`${PATH}?user=ann`, 'Sign out everywhere')
    expect(await ann.whoami()).toBe('nobody')

    const lax = await openSite(framework, { sessions: { now: () => now }, admin: { within: false } })
    const those = await people(lax)
    now += 20 * 60_000
    await those.root.press(`${PATH}?user=ann`, 'Sign out everywhere')
    expect(await those.ann.whoami()).toBe('nobody')
  })

  it('does nothing for a form of another site', async () => {
    const site = await openSite(framework)
    const { root, ann } = await people(site)
    const { fields } = pressed((await root.get(`${PATH}?user=ann`)).body, 'Sign out everywhere')
    const { _csrf: _, ...bare } = fields
    expect((await root.send(PATH, fields, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await root.send(PATH, bare)).status).toBe(403)
    expect(await ann.whoami()).toBe('ann')
    expect((await root.send(PATH, fields)).status).toBe(303)
    expect(await ann.whoami()).toBe('nobody')
  })

  it('knows users by whatever id, and what is none', async () => {
    const site = await openSite(framework)
    const odd = 'a\r\nb\t<&>"\' é\u202e 𝄞'
    const person = await new Person(site).login(odd)
    const root = await new Person(site).login('root')
    const path = `${PATH}?${new URLSearchParams({ user: odd })}`
    expect(cardsOf((await root.get(path)).body)).toHaveLength(1)
    expect(formsOf((await root.get(PATH)).body).map(({ fields }) => fields.user)).toContain(JSON.stringify(odd))
    await root.press(path, 'Sign out everywhere')
    expect(await person.whoami()).toBe('nobody')
    const none = await root.get(`${PATH}?user=${'x'.repeat(300)}`)
    expect([none.status, textOf(none.body)]).toEqual([404, expect.stringContaining('There is no such user id.')])
    expect(textOf((await root.get(`${PATH}?user=nobody`)).body)).toContain('This user is signed in nowhere.')
    const { fields } = pressed((await root.get(`${PATH}?user=nobody`)).body, 'Sign out everywhere')
    for (const user of ['nobody', '{}', '""', '[1', '7'])
      expect((await root.send(PATH, { ...fields, user }, byUs)).headers.location).toBe('?done=none')
  })

  it('H23: a handle of another user is not found', async () => {
    const site = await openSite(framework)
    const { root, eve } = await people(site)
    const own = pressed((await root.get(`${PATH}?user=eve`)).body, /^Sign out Chrome/).fields
    expect((await root.send(PATH, { ...own, user: '"ann"' }, byUs)).headers.location).toBe('?user=ann&done=none')
    expect(await eve.whoami()).toBe('eve')
  })
})

describe('the admin page', () => {
  const sessions = createSessions<object>({ keys, store: new MemoryStore() })

  it('H23: is refused without an authorize function, and with what cannot work', () => {
    for (const options of [undefined, {}, { authorize: true }, { authorize: undefined }]) {
      expect(() => admin(sessions, options as Loose)).toThrow('the option authorize is missing')
    }
    const made = (options: Loose) => () => admin(sessions, { authorize: () => true, ...options })
    expect(made({ authorise: 1 })).toThrow('there is no option "authorise"')
    expect(made({ actor: 'root' })).toThrow('actor must be a function')
    expect(made({ sample: 0 })).toThrow('sample must be')
    expect(made({ within: true })).toThrow('within must be')
    expect(made({ texts: { everyoneText: 'Type it' } })).toThrow('lacks {words}')
    expect(made({ homeUrl: 'javascript:alert(1)' })).toThrow('homeUrl must be a path')
  })

  it('has a way back where homeUrl says so, and says in the words of the site what must be typed', async () => {
    const texts = { everyoneText: '"{words}" <-', everyoneWords: 'all & "out"', home: '<Home>' }
    const { person } = await behindProxy({ homeUrl: '/', actor: () => 'proxy', texts })
    const { body } = await person.get(PATH, { 'x-admin': '1' })
    expect(body).toContain('<a class="back" href="/">&lt;Home&gt;</a>')
    expect(body).toContain('&quot;<strong>all &amp; &quot;out&quot;</strong>&quot; &lt;-</p>')
    expect((await person.get(`${PATH}?user=ann`, { 'x-admin': '1' })).body).toContain('<a class="back" href="?">All sessions</a>')
    expect((await (await behindProxy()).person.get(PATH, { 'x-admin': '1' })).body).not.toContain('class="back"')
  })

  /** A site whose admins are known by a header of the proxy before it, and have no session there. */
  async function behindProxy(options: Loose = {}, store: Loose = new MemoryStore()) {
    const own = createSessions<object>({ keys, store })
    const actions: Loose[] = []
    own.on('admin:action', event => actions.push(event))
    const app = express()
    app.use(admin<express.Request>(own, { authorize: req => req.get('x-admin') !== undefined, within: false, ...options }))
    app.use((error: Loose, _req: Loose, res: Loose, _next: Loose) => res.status(500).send(String(error)))
    const port = portOf(await listening(http.createServer(app)))
    return { own, actions, person: new Person({ port, url: `http://localhost:${port}` } as PagesSite) }
  }

  it('needs no session of its own: then the browser must say where a form comes from, and actor who acts', async () => {
    const { actions, person } = await behindProxy({ actor: (req: Loose) => req.get('x-admin') })
    const { body } = await person.get(PATH, { 'x-admin': 'ops' })
    expect(body).not.toContain('_csrf')
    const everyone = { do: 'everyone', confirm: 'sign out everyone' }
    expect((await person.send(PATH, everyone, { 'x-admin': 'ops' })).status).toBe(403)
    expect((await person.send(PATH, everyone, { 'x-admin': 'ops', ...byUs })).status).toBe(303)
    expect(actions.map(({ actor, reason }) => [actor, reason])).toEqual([['ops', 'endedEveryone']])
  })

  it('without a session and within nobody is fresh enough', async () => {
    const { person } = await behindProxy({ within: '1h', actor: () => 'ops' })
    expect((await person.send(PATH, { do: 'everyone', confirm: 'sign out everyone' }, { 'x-admin': 'ops', ...byUs })).status).toBe(403)
  })

  it.each([[undefined], [() => ''], [() => Promise.resolve('')]])('does nothing while nobody knows who acts: %s', async actor => {
    const { own, actions, person } = await behindProxy({ actor })
    let ended = 0
    Object.defineProperty(own.manager, 'endedOfAll', { value: () => ended++ })
    const answer = await person.send(PATH, { do: 'everyone', confirm: 'sign out everyone' }, { 'x-admin': 'ops', ...byUs })
    expect([answer.status, answer.body]).toEqual([500, expect.stringContaining('nobody knows who acts')])
    expect([ended, actions]).toEqual([0, []])
  })

  it('is there while the store is not, and says so', async () => {
    const store = new MemoryStore()
    const { person } = await behindProxy({}, store)
    store.load = () => Promise.reject(new Error('down'))
    const answer = await person.get(PATH, { 'x-admin': 'ops' })
    expect([answer.status, textOf(answer.body)]).toEqual([200, expect.stringContaining('Not answering')])
    expect(answer.body).not.toContain('Live sessions')
    store.load = async () => null
    store.list = () => Promise.reject(new Error('down'))
    expect(textOf((await person.get(PATH, { 'x-admin': 'ops' })).body)).toContain('The session store did not answer')
  })

  it('looks at no more than it may, and says so', async () => {
    const store = new MemoryStore()
    const site = await openSite('Express 5', { store, admin: { sample: 2 } })
    const { root } = await people(site)
    const text = textOf((await root.get(PATH)).body)
    expect(text).toMatch(/Live sessions\d or more/)
    expect(text).toMatch(/Users signed in\d or more/)
    expect(text).toContain('of the first 2 sessions')
  })

  it('what fails is an event as well', async () => {
    const store = new MemoryStore()
    const site = await openSite('Koa 3', { store })
    const { root } = await people(site)
    const { fields } = pressed((await root.get(`${PATH}?user=ann`)).body, 'Sign out everywhere')
    store.deleteByUser = () => Promise.reject(new Error('down'))
    expect((await root.send(PATH, fields, byUs)).status).toBe(500)
    expect(told(site).at(-1)).toEqual(['root', 'endedUser', { userId: 'ann', failed: true }])
  })
})
