// The account page over HTTP, by a browser that runs no scripts.
import express from 'express'
import { createSessions, userIdOf } from 'holdfast'
import { account } from 'holdfast/account'
import expressSession from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it, vi } from 'vitest'
import { listening, portOf } from '../promises/serving.ts'
import { keys, until } from '../promises/support.ts'
import type { Loose } from '../support/subjects.ts'
import { AGENTS, cardsOf, formsOf, frameworks, openSite, type PagesSite, Person, pressed, textOf } from './site.ts'

const PATH = '/account/sessions'
const ORIGIN = 'https://shop.example'
const byUs = { 'sec-fetch-site': 'same-origin' }
const MINUTE = 60_000

async function twoDevices(site: PagesSite): Promise<{ laptop: Person; phone: Person; eve: Person }> {
  const laptop = await new Person(site).login('ann')
  const phone = await new Person(site).login('ann', AGENTS['Safari on iPhone'], '192.0.2.2')
  return { laptop, phone, eve: await new Person(site).login('eve', AGENTS['Chrome on Windows'], '192.0.2.3') }
}

/** The handle behind a button. */
const handleOf = async (person: Person, button: string | RegExp) => pressed((await person.get(PATH)).body, button).fields.handle ?? ''

describe.each(frameworks)('the account page on %s', framework => {
  it('lists one’s own devices, this one first, and nobody else’s', async () => {
    const site = await openSite(framework)
    const { laptop, phone } = await twoDevices(site)
    const page = await laptop.get(PATH)
    expect(page.status).toBe(200)
    const date = new Intl.DateTimeFormat('en', { timeZone: 'UTC', dateStyle: 'medium' }).format(Date.now())
    expect(cardsOf(page.body)).toEqual([
      `Firefox on Linux This device Berlin · Active nowSigned in ${date}`,
      `Safari on iPhone Hamburg · Active nowSigned in ${date}`,
    ])
    expect(cardsOf((await phone.get(PATH)).body)[0]).toContain('Safari on iPhone This device')
    expect(formsOf(page.body).map(({ button }) => button)).toEqual([
      'Sign out Firefox on Linux, Berlin, This device',
      'Sign out Safari on iPhone, Hamburg',
      'Sign out all other devices',
    ])
  })

  it('signs one out: it is nobody on its next request, and the others stay', async () => {
    const site = await openSite(framework)
    const { laptop, phone, eve } = await twoDevices(site)
    const page = await laptop.press(PATH, 'Sign out Safari on iPhone, Hamburg')
    expect(textOf(page.body)).toContain('The device was signed out.')
    expect(cardsOf(page.body)).toHaveLength(1)
    expect(textOf(page.body)).toContain('You are not signed in anywhere else.')
    expect([await phone.whoami(), await laptop.whoami(), await eve.whoami()]).toEqual(['nobody', 'ann', 'eve'])
  })

  it('signs all others out; this one goes on under a new id, with forms that still count', async () => {
    const site = await openSite(framework)
    const { laptop, phone, eve } = await twoDevices(site)
    const before = laptop.header()
    const page = await laptop.press(PATH, 'Sign out all other devices')
    expect(textOf(page.body)).toContain('All other devices were signed out.')
    expect(laptop.header()).not.toBe(before)
    expect([await phone.whoami(), await laptop.whoami(), await eve.whoami()]).toEqual(['nobody', 'ann', 'eve'])
    await phone.login('ann', AGENTS['Safari on iPhone'])
    await laptop.press(PATH, /^Sign out Safari on iPhone/)
    expect([await phone.whoami(), await laptop.whoami()]).toEqual(['nobody', 'ann'])
  })

  it('signs all others out once where the button is pressed twice: nobody who pressed it is signed out', async () => {
    const store = new MemoryStore()
    const site = await openSite(framework, { store })
    const { laptop, phone } = await twoDevices(site)
    const loads = vi.spyOn(store, 'load')
    const { fields } = pressed((await laptop.get(PATH)).body, 'Sign out all other devices')
    const [key] = loads.mock.calls[0] ?? []
    loads.mockClear()
    // Both have found the session before anything is done.
    const replace = store.replace.bind(store)
    let held = 0
    store.replace = async (...args) => {
      held++
      await until(async () => loads.mock.calls.filter(([loaded]) => loaded === key).length >= 2)
      return replace(...args)
    }
    const answers = await Promise.all([laptop.send(PATH, fields, byUs), laptop.send(PATH, fields, byUs)])
    expect([held, answers.map(({ status }) => status)]).toEqual([1, [303, 303]])
    expect([await phone.whoami(), await laptop.whoami()]).toEqual(['nobody', 'ann'])
  })

  it('signs this one out, whenever its user signed in, and the cookie goes', async () => {
    let now = Date.now()
    const site = await openSite(framework, { sessions: { now: () => now } })
    const { laptop, phone } = await twoDevices(site)
    now += 20 * MINUTE
    const page = await laptop.press(PATH, /This device$/)
    expect([page.status, textOf(page.body)]).toEqual([200, expect.stringContaining('You were signed out')])
    expect(laptop.header()).toBe('')
    expect([await laptop.whoami(), await phone.whoami()]).toEqual(['nobody', 'ann'])
    expect((await laptop.get(PATH)).headers.location).toBe('/login')
  })

  it('H23: to end another session, its user must have signed in within 15 minutes', async () => {
    let now = Date.now()
    const site = await openSite(framework, { sessions: { now: () => now } })
    const { laptop, phone } = await twoDevices(site)
    now += 15 * MINUTE + 1
    for (const button of [/^Sign out Safari/, 'Sign out all other devices']) {
      const answer = await laptop.press(PATH, button)
      expect(answer.status).toBe(403)
      expect(answer.body).toContain('href="/confirm"')
    }
    expect(await phone.whoami()).toBe('ann')
    await laptop.get('/confirm')
    expect((await laptop.press(PATH, /^Sign out Safari/)).status).toBe(200)
    expect(await phone.whoami()).toBe('nobody')
  })

  it('H23: a handle of another user is not found, and nothing tells it from one that nobody has', async () => {
    const site = await openSite(framework)
    const { laptop, eve } = await twoDevices(site)
    const token = pressed((await laptop.get(PATH)).body, 'Sign out all other devices').fields._csrf ?? ''
    const answers = []
    for (const handle of [await handleOf(eve, /This device$/), 'A'.repeat(22), '', '../../etc', 'x'.repeat(5000)]) {
      const { status, headers, body } = await laptop.send(PATH, { handle, _csrf: token }, byUs)
      answers.push([status, headers.location, body])
    }
    expect(answers).toEqual(answers.map(() => [303, '?done=none', '']))
    expect([await eve.whoami(), await laptop.whoami()]).toEqual(['eve', 'ann'])
    expect(textOf((await laptop.get(`${PATH}?done=none`)).body)).toContain('That device is not signed in any more.')
  })

  it('does nothing for a form of another site, or one that nobody can tell the origin of', async () => {
    const site = await openSite(framework)
    const { laptop, phone, eve } = await twoDevices(site)
    const form = pressed((await laptop.get(PATH)).body, 'Sign out all other devices').fields
    const { _csrf: _, ...bare } = form
    const foreign = pressed((await eve.get(PATH)).body, /This device$/).fields._csrf ?? ''
    const refused: [Record<string, string>, Record<string, string>][] = [
      [form, { 'sec-fetch-site': 'cross-site' }],
      [form, { 'sec-fetch-site': 'same-site' }],
      [bare, {}],
      [bare, { origin: ORIGIN }],
      [{ ...bare, _csrf: foreign }, {}],
      [{ ...bare, _csrf: 'A'.repeat(86) }, {}],
    ]
    for (const [fields, headers] of refused)
      expect([fields, headers, (await laptop.send(PATH, fields, headers)).status]).toEqual([fields, headers, 403])
    expect(await phone.whoami()).toBe('ann')
    expect((await laptop.send(PATH, form)).status).toBe(303)
    expect(await phone.whoami()).toBe('nobody')
    // Nobody has said which origin is the site's, so a browser that tells its own is judged by the token.
    const again = pressed((await laptop.get(PATH)).body, /This device$/).fields
    expect((await laptop.send(PATH, again, { origin: site.url })).status).toBe(200)
    expect(await laptop.whoami()).toBe('nobody')
  })

  it('with origins, an Origin that is none of them is refused, whatever token comes along', async () => {
    const site = await openSite(framework, { account: { origins: [ORIGIN] } })
    const { laptop, phone } = await twoDevices(site)
    const form = pressed((await laptop.get(PATH)).body, 'Sign out all other devices').fields
    expect((await laptop.send(PATH, form, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await laptop.send(PATH, form, { origin: 'null' })).status).toBe(403)
    expect(await phone.whoami()).toBe('ann')
    expect((await laptop.send(PATH, form, { origin: ORIGIN })).status).toBe(303)
    expect(await phone.whoami()).toBe('nobody')
  })

  it('H23: is kept nowhere and framed nowhere, runs only its own parts, and shows no id, no key and no data', async () => {
    const site = await openSite(framework)
    const { laptop } = await twoDevices(site)
    const page = await laptop.get(PATH)
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' })
    const policy = String(page.headers['content-security-policy'])
    for (const part of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"]) {
      expect(policy.split('; ')).toContain(part)
    }
    expect(policy).not.toContain('unsafe')
    const { records } = await site.store.list()
    expect(records).toHaveLength(3)
    const secrets = [...laptop.cookies.values(), ...records.flatMap((one: Loose) => [one.key, one.version, one.meta.login])]
    for (const secret of secrets)
      for (const piece of String(secret).split('.')) if (piece.length > 8) expect(page.body).not.toContain(piece)
  })

  it('H23: a user agent is text: `<script>` does nothing, and no label is longer than 80 characters', async () => {
    const site = await openSite(framework)
    const store: Loose = site.store
    const ann = await new Person(site).login('ann', '<script>alert(1)</script>'.repeat(100))
    const [record] = (await store.list()).records
    const label = `<script>alert(1)</script>"'&\u202e${'x'.repeat(500)}`
    await store.save(
      { ...record, version: 'another', meta: { ...record.meta, device: { label, place: '<img src=x onerror=alert(2)>' } } },
      record.version,
    )
    const { body } = await ann.get(PATH)
    expect(body).not.toMatch(/<script>alert|<img/)
    expect(body).not.toContain('\u202e')
    const [, name = ''] = /<h2>(.*?) <span class="badge">/.exec(body) ?? []
    expect(textOf(name)).toMatch(/^<script>alert\(1\)<\/script>"'& x+…$/)
    expect([...textOf(name)]).toHaveLength(80)
  })

  it('is at its path alone, and answers GET, HEAD and POST', async () => {
    const site = await openSite(framework)
    const ann = await new Person(site).login('ann')
    expect((await ann.get(`${PATH}/`)).status).toBe(200)
    expect((await ann.get(`${PATH}?x=1`)).status).toBe(200)
    for (const path of [`${PATH}/x`, `${PATH}x`, '/account', `/${PATH}`]) expect([path, (await ann.get(path)).status]).toEqual([path, 404])
    const put = await fetch(`http://127.0.0.1:${site.port}${PATH}`, { method: 'PUT', headers: { cookie: ann.header() } })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    const head = await fetch(`http://127.0.0.1:${site.port}${PATH}`, { method: 'HEAD', headers: { cookie: ann.header() } })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('refuses a form that is too large, and does nothing for what is none', async () => {
    const site = await openSite(framework)
    const { laptop, phone } = await twoDevices(site)
    const form = pressed((await laptop.get(PATH)).body, 'Sign out all other devices').fields
    expect((await laptop.send(PATH, { ...form, more: 'x'.repeat(20_000) }, byUs)).status).toBe(413)
    expect((await laptop.send(PATH, form, { ...byUs, 'content-type': 'text/plain' })).headers.location).toBe('?done=none')
    expect(await phone.whoami()).toBe('ann')
  })

  it('sends visitors who are not signed in away, or tells them so', async () => {
    const site = await openSite(framework)
    const answer = await new Person(site).get(PATH)
    expect([answer.status, answer.headers.location, answer.setCookie]).toEqual([303, '/login', []])
    const other = await openSite(framework, { account: { signInUrl: undefined } })
    for (const told of [await new Person(other).get(PATH), await new Person(other).send(PATH, { others: 'yes' }, byUs)]) {
      expect([told.status, textOf(told.body)]).toEqual([401, expect.stringContaining('You are not signed in')])
    }
  })

  it('a link from another site cannot make it say what has not happened', async () => {
    const site = await openSite(framework)
    const ann = await new Person(site).login('ann')
    const said = async (headers: Record<string, string>) =>
      textOf((await ann.get(`${PATH}?done=others`, headers)).body).includes('All other devices were signed out.')
    expect([await said(byUs), await said({ 'sec-fetch-site': 'cross-site' })]).toEqual([true, false])
    expect(textOf((await ann.get(`${PATH}?done=constructor`, byUs)).body)).toContain('Your devices')
  })

  it('speaks another language', async () => {
    const texts = { title: 'Ihre Geräte', lastActive: 'Zuletzt aktiv: {time}', unknownDevice: 'Unbekanntes Gerät' }
    let now = Date.UTC(2030, 4, 14, 9)
    const site = await openSite(framework, { sessions: { now: () => now }, account: { texts, locale: 'de', timeZone: 'Europe/Berlin' } })
    await new Person(site).login('ann', '', '198.51.100.7')
    now += 20 * MINUTE
    const { body } = await (await new Person(site).login('ann')).get(PATH)
    expect(body).toContain('<html lang="de">')
    expect(cardsOf(body)[1]).toBe('Unbekanntes Gerät 198.51.100.0 · Zuletzt aktiv: vor 20 MinutenSigned in 14.05.2030')
  })
})

describe('the account page', () => {
  it('refuses what cannot work when it is made', () => {
    const sessions = createSessions<object>({ keys, store: new MemoryStore() })
    const made = (options: Loose) => () => account(sessions, options)
    expect(made({ pathh: '/x' })).toThrow('account: there is no option "pathh"')
    expect(made({ path: 'x' })).toThrow('path must begin with a slash')
    expect(made({ within: 'soon' })).toThrow('within must be')
    expect(made({ texts: { titel: 'x' } })).toThrow('there is no text "titel"')
    expect(made({ texts: { lastActive: 'x' } })).toThrow('lacks {time}')
    expect(made({ locale: 'no such' })).toThrow('Intl does not know')
    expect(made({ timeZone: 'Moon/Sea' })).toThrow('Intl does not know')
    expect(made({ origins: ['shop.example'] })).toThrow('is no origin')
    for (const url of ['javascript:alert(1)', '//evil.example', '/\\evil.example', 'login', '']) {
      for (const name of ['signInUrl', 'reauthenticateUrl', 'homeUrl']) expect(made({ [name]: url })).toThrow(`${name} must be a path`)
    }
    expect(() => account({} as Loose)).toThrow('account: sessions.list must be function')
  })

  it('takes the form that a body parser has read, stands in a router, and finds the session by its name', async () => {
    const sessions = createSessions<object>({ keys, store: new MemoryStore() })
    const app = express()
    app.use(expressSession(sessions, { property: 'visit' }))
    app.use(express.urlencoded({ extended: true }))
    const router = express.Router()
    router.use(account(sessions, { path: '/my/devices', property: 'visit' }))
    app.use('/my', router)
    app.get('/login', (req: Loose, res) => req.visit.login('ann').then(() => res.send('in')))
    app.get('/whoami', (req: Loose, res) => res.send(userIdOf(req.visit) ?? 'nobody'))
    const port = portOf(await listening((await import('node:http')).createServer(app)))
    const site = { port, url: `http://localhost:${port}` } as PagesSite
    const [one, other] = [await new Person(site).login('ann'), await new Person(site).login('ann')]
    await one.press('/my/devices', 'Sign out all other devices')
    expect([await one.whoami(), await other.whoami()]).toEqual(['ann', 'nobody'])
    // What such a parser makes of `handle[]` is no text.
    const { fields } = pressed((await one.get('/my/devices')).body, /This device$/)
    const { handle, ...rest } = fields
    expect((await one.send('/my/devices', { ...rest, 'handle[]': handle ?? '' }, byUs)).headers.location).toBe('?done=none')
    expect(await one.whoami()).toBe('ann')
  })
})
