// The demo's part on people: one account on several devices, over HTTP without scripts and in a real browser.
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { killLeftovers, type Server, startServer } from '../examples/child.ts'
import { full } from '../support/full.ts'
import { follow, send, useBrowser, type Visit } from './browser.ts'
import { AGENTS, Guest } from './guest.ts'

vi.setConfig({ testTimeout: 60_000 })

let data: string
let server: Server

// As `npm run demo` starts it: not in development, so that the cookie is Secure.
const start = (env = {}) => startServer('demo/server.mjs', { HOLDFAST_DEMO_DATA: data, NODE_ENV: 'production', ...env })
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  server = await start()
})
afterAll(async () => {
  killLeftovers()
  await rm(data, { recursive: true, force: true })
})

const userOf = (page: string) => /<strong id="user">([^<]*)</.exec(page)?.[1]

/** Two devices of one user, who is nobody else's in the tests. */
async function twoOf(name: string): Promise<[laptop: Guest, phone: Guest]> {
  const [laptop, phone] = [new Guest(server.url), new Guest(server.url, 'Safari on iPhone')]
  for (const device of [laptop, phone]) expect(await device.post('/devices/sign-in', { name })).toBe(303)
  return [laptop, phone]
}

describe('without scripts', () => {
  test('a device that another one signs out is out at its next request, and is told why; the other one stays', async () => {
    const [laptop, phone] = await twoOf('Ada  Lovelace ')
    const page = await laptop.text('/devices')
    expect(page).toContain('You are <strong id="user">Ada Lovelace</strong> on <strong>Firefox on Linux</strong>')
    expect(page).toContain('You are signed in on 2 devices')
    expect(page).toContain(`<code>${server.url}/devices</code>`)
    expect(await phone.devices()).toEqual(['Safari on iPhone', 'Firefox on Linux'])
    expect(await phone.text('/account')).toContain('This computer')
    expect(await laptop.post('/account', await laptop.fieldsFor('Safari on iPhone'))).toBe(303)
    const out = await phone.get('/devices')
    expect(userOf(out.body)).toBeUndefined()
    expect(out.body).toContain('this device was signed out from another one of yours')
    expect(out.body).toContain('<code>revoked</code>')
    expect((await phone.get('/account')).status).toBe(303)
    expect(await laptop.devices()).toEqual(['Firefox on Linux'])
    expect(await laptop.text('/devices')).toContain('You are signed in nowhere else')
  })

  test('"Sign me out on all other devices", and a log-out, are no less; small and capital letters are one name', async () => {
    const [laptop, phone] = await twoOf('Grace')
    const third = new Guest(server.url)
    expect(await third.post('/devices/sign-in', { name: 'gRACE', only: 'yes' })).toBe(303)
    for (const device of [laptop, phone]) expect(await device.text('/devices')).toContain('<code>revoked</code>')
    expect(await third.devices()).toEqual(['Firefox on Linux'])
    const copy = new Map(third.cookies)
    expect(await third.post('/devices/sign-out')).toBe(303)
    expect(third.cookies.size).toBe(0)
    expect(await third.text('/devices')).not.toContain('goneReason')
    for (const [name, value] of copy) third.cookies.set(name, value)
    expect(await third.text('/devices')).toContain('<code>destroyed</code>')
  })

  test('the cookie is Secure and HttpOnly, changes at each log-in, and is on no page; the drop-in has a session of its own', async () => {
    const guest = new Guest(server.url)
    const seen = new Set<string | undefined>()
    for (let n = 0; n < 2; n++) {
      const { setCookie } = await guest.submit('/devices/sign-in', { name: 'Ida' })
      expect(setCookie).toEqual([expect.stringMatching(/^__Host-sid=[^;]{20,}; /)])
      for (const part of ['Secure', 'HttpOnly', 'SameSite=Lax']) expect(setCookie[0]).toContain(part)
      seen.add(guest.cookies.get('__Host-sid'))
    }
    expect(seen.size).toBe(2)
    for (const path of ['/devices', '/account', '/admin', '/peek']) {
      const { body, status } = await guest.get(path)
      expect(status).toBe(200)
      for (const id of seen) expect(body).not.toContain(id)
    }
    expect(userOf(await guest.text('/peek'))).toBeUndefined()
    expect(guest.cookies.size).toBe(1)
  })

  test('a form from another site is refused and changes nothing; a name that is none is sent back', async () => {
    const [laptop] = await twoOf('Eve')
    const form = { method: 'POST', redirect: 'manual' } as const
    const foreign = [{}, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'null' }]
    for (const path of ['/devices/sign-in', '/devices/sign-out', '/devices/confirm']) {
      for (const headers of foreign) {
        const response = await fetch(server.url + path, {
          ...form,
          headers: { ...headers, cookie: laptop.cookie() },
          body: new URLSearchParams({ name: 'Mallory' }),
        })
        expect([response.status, response.headers.getSetCookie()]).toEqual([403, []])
      }
    }
    expect(userOf(await laptop.text('/devices'))).toBe('Eve')
    for (const name of ['', '  ', 'x'.repeat(41), 'a\0b', '"<x>'.repeat(20)]) {
      const { status, body, setCookie } = await new Guest(server.url).submit('/devices/sign-in', { name })
      expect([status, setCookie]).toEqual([422, []])
      expect(body).toContain('Enter a name of 1 to 40 characters.')
      expect(body).not.toContain('<x>')
    }
    const odd = new Guest(server.url)
    await odd.post('/devices/sign-in', { name: '<b>"x"</b>&' })
    expect(userOf(await odd.text('/devices'))).toBe('&lt;b&gt;&quot;x&quot;&lt;/b&gt;&amp;')
  })

  test('proving once more who one is leads back; nobody is asked who is not signed in; a cookie that was not kept is explained', async () => {
    const [laptop] = await twoOf('Mary')
    for (const [query, back] of [
      ['?for=account', '/account'],
      ['?for=admin', '/admin'],
      ['?for=//evil.example', '/devices'],
      ['?for=constructor', '/devices'],
    ] as const) {
      expect((await laptop.get(`/devices/confirm${query}`)).body).toContain('A real site asks for the password')
      const before = laptop.cookie()
      const response = await fetch(`${server.url}/devices/confirm${query}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...laptop.headers, cookie: before },
      })
      expect([response.status, response.headers.get('location')]).toEqual([303, back])
      const [, value = ''] = /^__Host-sid=([^;]+)/.exec(response.headers.getSetCookie()[0] ?? '') ?? []
      laptop.cookies.set('__Host-sid', value)
      expect(laptop.cookie()).not.toBe(before)
    }
    const nobody = new Guest(server.url)
    expect([(await nobody.get('/devices/confirm')).status, await nobody.post('/devices/confirm')]).toEqual([303, 303])
    expect(await nobody.text('/devices')).not.toContain('Your browser has not kept the cookie')
    expect(await nobody.text('/devices?signed-in')).toContain('Your browser has not kept the cookie')
    expect(await laptop.text('/devices?signed-in')).not.toContain('Your browser has not kept the cookie')
  })

  test('the pages allow no script but one file of the site, and are kept nowhere', async () => {
    const [laptop] = await twoOf('Ken')
    const policyOf = async (guest: Guest) => {
      const response = await fetch(`${server.url}/devices`, { headers: { cookie: guest.cookie() } })
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.text()).not.toMatch(/<script(?! src="\/devices\.js" defer><)|style=|\son\w+=/i)
      return response.headers.get('content-security-policy')
    }
    const strict = `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
    expect(await policyOf(new Guest(server.url))).toBe(strict)
    expect(await policyOf(laptop)).toBe(`${strict}; script-src 'self'; connect-src 'self'`)
  })
})

test('the admin page is there for whoever is signed in at this computer, and for nobody from elsewhere', async () => {
  const [laptop, phone] = await twoOf('Root')
  expect((await new Guest(server.url).get('/admin')).status).toBe(404)
  expect(await laptop.text('/admin')).toContain('<a class="back" href="/devices">Back</a>')
  expect(await laptop.post('/admin', await laptop.fieldsFor('Safari on iPhone', '/admin?user=root'))).toBe(303)
  expect(await phone.text('/devices')).toContain('<code>revoked</code>')

  // The same demo, for which each visitor comes from another network.
  const elsewhere = `import { Server } from 'node:net'
    const { emit } = Server.prototype
    Server.prototype.emit = function (name, socket, ...others) {
      if (name === 'connection') Object.defineProperty(socket, 'remoteAddress', { value: '203.0.113.9' })
      return emit.call(this, name, socket, ...others)
    }`
  const away = await start({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(elsewhere)}` })
  const guest = new Guest(away.url)
  await guest.post('/devices/sign-in', { name: 'Root' })
  expect((await guest.get('/admin')).status).toBe(404)
  expect(await guest.text('/account')).toContain('203.0.113.0')
  expect(await away.stop('SIGINT')).toEqual({ code: 0, signal: null })
})

const browser = useBrowser()

/** A browser of its own, signed in. */
async function signedIn(name: string, agent: keyof typeof AGENTS, options = {}): Promise<Visit> {
  const visit = await browser.visit(`${server.url}/favicon.svg`, { userAgent: AGENTS[agent], ...options })
  await send(visit, '/devices/sign-in', { name })
  await visit.page.goto(`${server.url}/devices`)
  return visit
}

describe('in two browsers', () => {
  test('both are listed; the one that the other signs out says so within a second, without a reload, and why', async () => {
    const laptop = await browser.visit(`${server.url}/devices`, { userAgent: AGENTS['Firefox on Linux'] })
    await laptop.page.getByLabel('Name').fill('Ann')
    await follow(laptop.page, () => laptop.page.getByRole('button', { name: 'Sign in' }).click())
    await laptop.page.getByText('You are signed in nowhere else.').waitFor()
    const phone = await signedIn('Ann', 'Safari on iPhone')
    await laptop.page.getByText('You are signed in on 2 devices').waitFor() // nobody has reloaded it
    const tab = await phone.context.newPage()
    await tab.goto(`${server.url}/account`)
    await laptop.page.getByRole('link', { name: 'List of your devices' }).click()
    for (const page of [laptop.page, tab]) {
      await page.getByRole('heading', { name: 'Your devices' }).waitFor()
      expect((await page.locator('.device h2').allInnerTexts()).map(text => text.split(/\n| This/)[0]?.trim()).sort()).toEqual([
        'Firefox on Linux',
        'Safari on iPhone',
      ])
    }
    await tab.evaluate(() => Object.assign(globalThis, { stayed: true }))
    const shown = Promise.all([phone.page.locator('#ended').waitFor(), tab.getByRole('heading', { name: 'You were signed out' }).waitFor()])
    await laptop.page.getByRole('button', { name: 'Sign out Safari on iPhone' }).click()
    await laptop.page.getByText('The device was signed out.').waitFor()
    const began = performance.now()
    await shown
    expect(performance.now() - began).toBeLessThan(1000)
    expect(await tab.evaluate(() => 'stayed' in globalThis)).toBe(true)
    expect(await phone.page.locator('#ended').innerText()).toContain('goneReason() says revoked')
    expect(await phone.page.title()).toBe('Holdfast demo: signed out')
    expect(await phone.page.locator('#user').count()).toBe(0)
    await follow(tab, () => tab.getByRole('link', { name: 'Sign in' }).click())
    expect(await tab.locator('#ended').innerText()).toContain('revoked')
  })

  test('the first page leads there, and by the keyboard alone one gets in', async () => {
    const { page } = await browser.visit(`${server.url}/peek`, { viewport: { width: 390, height: 844 } })
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press('Tab')
        const focused = await page.evaluate(`(e => (e.labels?.[0] ?? e).textContent.trim())(document.activeElement)`)
        if (focused === name) return
      }
      throw new Error(`the keyboard does not reach ${name}`)
    }
    await tabTo('Your devices')
    await follow(page, () => page.keyboard.press('Enter'))
    await tabTo('Name')
    await page.keyboard.type('Hedy')
    await tabTo('Sign me out on all other devices')
    await tabTo('Sign in')
    await follow(page, () => page.keyboard.press('Enter'))
    await page.getByText('You are signed in nowhere else.').waitFor()
  })
})

/** What axe finds wrong with a page as it is now. The page's policy lets nobody's script in, so axe comes by the debugger. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    type Finding = { id: string; nodes: { html: string }[] }
    const { violations, incomplete } = await (globalThis as unknown as { axe: { run(): Promise<Record<string, Finding[]>> } }).axe.run()
    return [...(violations ?? []), ...(incomplete ?? [])].flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}`))
  })
}

const pictures = new URL('../../.cache/demo/', import.meta.url).pathname
const looks = [
  ['light', 390],
  ['dark', 1280],
  ['light', 1280],
  ['dark', 390],
] as const

// `npm run test:full` looks at all four, and keeps pictures of them.
describe.each(looks.slice(0, full ? 4 : 2))('each page, %s, %i px', (colorScheme, width) => {
  test('is clean for axe, and no wider than its window', async () => {
    mkdirSync(pictures, { recursive: true })
    const options = { colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' } as const
    const name = `Lise ${colorScheme} ${width}`
    const phone = new Guest(server.url, 'Safari on iPhone')
    await phone.post('/devices/sign-in', { name })
    const { page } = await signedIn(name, 'Firefox on Linux', options)
    // What the library's own pages look like is shown by their own tests; these have other people and places on them.
    const others = ['account', 'admin', 'devices/confirm'].map(view => [view.replace('/', '-'), `/${view}`, async () => undefined] as const)
    const views: (readonly [string, string, () => Promise<unknown>])[] = [
      ...(full ? others : []),
      ['signed-in', '/devices', async () => undefined],
      ['first', '/peek', async () => undefined],
      [
        'ended',
        '/devices',
        async () => phone.post('/account', await phone.fieldsFor('Firefox on Linux')).then(() => page.locator('#ended').waitFor()),
      ],
    ]
    for (const [view, path, act] of views) {
      if (page.url() !== server.url + path) await page.goto(server.url + path)
      await act()
      if (full) await page.screenshot({ path: `${pictures}${view}-${colorScheme}-${width}.png`, fullPage: true })
      expect([view, await faults(page)]).toEqual([view, []])
      const wider = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
      expect([view, wider]).toEqual([view, false])
    }
  })
})
