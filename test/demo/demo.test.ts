import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { killLeftovers, type Server, startServer } from '../examples/child.ts'
import { full } from '../support/full.ts'
import { follow, send, useBrowser, type Visit } from './browser.ts'
import { Guest } from './guest.ts'

const modes = ['cookie', 'store'] as const
const cookieNames = { cookie: 'holdfast.demo', store: 'holdfast.demo.id' }

vi.setConfig({ testTimeout: 60_000 })

const browser = useBrowser()
let data: string
let server: Server

// One demo for all visitors, who have nothing to do with each other; the tests that end it start it anew.
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  server = await startDemo()
})
afterAll(async () => {
  killLeftovers()
  await rm(data, { recursive: true, force: true })
})

const startDemo = () => startServer('demo/server.mjs', { HOLDFAST_DEMO_DATA: data })
/** A visitor who has chosen a mode. */
const visit = (mode: 'cookie' | 'store', options = {}): Promise<Visit> =>
  browser.visit(`${server.url}/peek`, { ...options, cookies: { 'holdfast.demo.mode': mode } })

async function use(page: Page, mode: 'cookie' | 'store'): Promise<void> {
  await follow(page, () => page.getByRole('button', { name: `${mode} mode` }).click())
  await page.locator(`button[value=${mode}][aria-pressed=true]`).waitFor()
}

async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await follow(page, () => page.getByRole('button', { name: 'Log in' }).click())
  await page.locator('#user').waitFor()
}

async function logOut(page: Page): Promise<void> {
  await follow(page, () => page.getByRole('button', { name: 'Log out' }).click())
  await page.getByLabel('Name').waitFor()
}

const views = (page: Page) => page.locator('#views').innerText()
const outcome = (page: Page, id = 'outcome') => page.locator(`#${id} p:last-child`).innerText()
const count = (page: Page) => follow(page, () => page.getByRole('link', { name: 'Reload and count' }).click())
const peek = (page: Page) => follow(page, () => page.getByRole('link', { name: 'Reload without counting' }).click())
const rows = async (page: Page) => (await page.locator('#data tbody tr').allInnerTexts()).map(text => text.replace(/\s+/, '\t'))

/** How many sessions the demo's database holds. */
function sessionsThere(): number {
  const database = new Database(join(data, 'sessions.db'))
  const [row] = database.prepare('SELECT count(*) AS n FROM holdfast_sessions WHERE gone IS NULL').all() as [{ n: number }]
  database.close()
  return row.n
}

async function cookieOf(context: BrowserContext, mode: 'cookie' | 'store'): Promise<string | undefined> {
  return (await context.cookies()).find(({ name }) => name === cookieNames[mode])?.value
}

// `npm run test:full` plays both.
describe.each(full ? modes : (['cookie'] as const))('in %s mode', mode => {
  test('views are counted and a visitor logs in, both across a restart, and logs out; the page says what was saved', async () => {
    const { page, context } = await visit(mode)
    expect(await views(page)).toBe('0')
    expect(await outcome(page)).toBe('Not saved: the session is new and empty, no cookie sent.')
    expect(await cookieOf(context, mode)).toBeUndefined()

    await count(page)
    expect(await views(page)).toBe('1')
    expect(await outcome(page)).toBe('Saved: views set to 1; the cookie was sent for the first time.')
    for (const expected of ['2', '3']) {
      await page.reload()
      expect(await views(page)).toBe(expected)
    }
    expect(await outcome(page)).toBe('Saved: views changed from 2 to 3; the cookie was sent again.')

    const kept = await cookieOf(context, mode)
    await peek(page)
    expect(await views(page)).toBe('3')
    expect(await outcome(page)).toBe('Not saved: nothing changed, no cookie sent.')
    expect(await cookieOf(context, mode)).toBe(kept)

    await logIn(page, '  Ada   Lovelace ')
    expect(await page.locator('#user').innerText()).toBe('Ada Lovelace')
    const how = mode === 'store' ? 'the cookie was sent again, with a new id in it' : 'the cookie was sent again'
    expect(await outcome(page, 'previous')).toBe(`Saved: user set to "Ada Lovelace"; ${how}.`)
    expect(await outcome(page)).toBe('Not saved: nothing changed, no cookie sent.')
    expect(await rows(page)).toEqual(['views\t3', 'user\t"Ada Lovelace"'])
    await peek(page)
    expect(await page.locator('#previous').count()).toBe(0)

    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    server = await startDemo()
    await page.goto(`${server.url}/`)
    expect(await page.locator('#user').innerText()).toBe('Ada Lovelace')
    expect(await views(page)).toBe('4')
    expect(await outcome(page)).toBe('Saved: views changed from 3 to 4; the cookie was sent again.')

    await logOut(page)
    expect(await outcome(page, 'previous')).toMatch(/^Ended: the session was destroyed.* and the cookie cleared\.$/)
    expect(await outcome(page)).toBe('Not saved: the session is new and empty, no cookie sent.')
    expect(await views(page)).toBe('0')
    expect(await page.locator('#data').innerText()).toContain('Nothing.')
  })

  test('what the page says about a cookie that was copied before the log-out is so', async () => {
    const visitor = await visit(mode)
    const { page, context } = visitor
    await send(visitor, '/login', { name: 'Ada' })
    const copies = await context.cookies()
    await send(visitor, '/logout')
    await context.addCookies(copies)
    await page.reload()
    if (mode === 'cookie') {
      expect(await page.locator('.cannot').innerText()).toContain('A copied cookie stays valid after you log out, until it expires')
      expect(await page.locator('#user').innerText()).toBe('Ada')
    } else {
      expect(await page.locator('.holds').innerText()).toContain('a copied cookie is worthless at once')
      expect(await page.locator('#user').count()).toBe(0)
    }
  })
})

// Where the session lives makes no difference to these: `npm test` plays them once.
describe.each(full ? modes : (['store'] as const))('in %s mode', mode => {
  test('a name is text, whatever it looks like', async () => {
    const { page } = await visit(mode)
    const name = '"><img src=x onerror=alert(1)>\'&amp;</p>'
    await logIn(page, name)
    expect(await page.locator('#user').innerText()).toBe(name)
    expect(await page.title()).toBe(`Holdfast demo: ${name}`)
    expect(await page.locator('img[src=x]').count()).toBe(0)
    expect(await rows(page)).toEqual([`user\t${JSON.stringify(name)}`])
  })

  test('works at 390 px without scrolling sideways, by keyboard alone, and in the dark', async () => {
    const { page } = await visit(mode, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    const pressed = async (key: string) => {
      await page.keyboard.press(key)
      return (await page.evaluate('document.activeElement.textContent || document.activeElement.name')) as string
    }
    expect(await pressed('Tab')).toBe('Skip to the session')
    await page.keyboard.press('Enter')
    expect(await pressed('Tab')).toBe('on several devices')
    expect(await pressed('Tab')).toBe('Reload and count')
    expect(await pressed('Tab')).toBe('Reload without counting')
    expect(await pressed('Tab')).toBe('name')
    await page.keyboard.type('Grace')
    await follow(page, () => page.keyboard.press('Enter'))
    await page.locator('#user').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(14, 20, 19)')
  })
})

test('a log-in in store mode changes the id: who knew the old one has nothing', async () => {
  const guest = new Guest(server.url)
  await guest.post('/mode', { mode: 'store' })
  await guest.get('/')
  const there = sessionsThere()
  const other = new Guest(server.url)
  for (const [name, value] of guest.cookies) other.cookies.set(name, value)
  const before = guest.cookies.get(cookieNames.store)
  await guest.post('/login', { name: 'Ada' })
  const after = guest.cookies.get(cookieNames.store)
  expect(before).toMatch(/^\S{20,}$/)
  expect(after).toMatch(/^\S{20,}$/)
  expect(after).not.toBe(before)
  expect(sessionsThere()).toBe(there)

  const shown = await other.text('/peek')
  expect(shown).toContain('<button name="mode" value="store" aria-pressed="true">')
  expect(shown).not.toContain('<strong id="user">')
  expect(shown).toContain('<output id="views">0</output>')
  expect(await guest.text('/peek')).toContain('<strong id="user">Ada</strong>')
})

test('each mode has a session of its own, and both are still there after switching to and fro', async () => {
  const { page, context } = await visit('cookie')
  expect(await page.locator('button[value=cookie]').getAttribute('aria-pressed')).toBe('true')
  expect(await page.locator('footer').innerText()).toContain('Cookie mode, cookie holdfast.demo, store: none')
  await count(page)
  await count(page)
  expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(['holdfast.demo', 'holdfast.demo.mode', 'holdfast.demo.sig'])
  await use(page, 'store')
  expect(await views(page)).toBe('0')
  expect(await page.locator('footer').innerText()).toContain(
    'Store mode, cookie holdfast.demo.id, store: SqliteStore, a table of a SQLite database',
  )
  await count(page)
  await logIn(page, 'Ada')
  await use(page, 'cookie')
  expect(await views(page)).toBe('2')
  expect(await page.locator('#user').count()).toBe(0)
  await use(page, 'store')
  expect(await views(page)).toBe('1')
  expect(await page.locator('#user').innerText()).toBe('Ada')
  for (const cookie of await context.cookies()) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
})

// The tour of each store sends them as well, without a browser.
test.runIf(full)('of twenty requests at once the cookie keeps one, the store all; and what was there before is still there', async () => {
  const { page, context } = await visit('cookie')
  await count(page)
  await use(page, 'store')
  await count(page)
  await logIn(page, 'Ada')
  expect(await page.locator('#results tbody').innerText()).not.toMatch(/\d of/)
  await follow(page, () => page.getByRole('button', { name: 'Send them in both modes' }).click())
  const results = async () => (await page.locator('#results tbody td').allInnerTexts()).map(text => text.replace(/\s+/g, ' '))
  expect(await results()).toEqual(['1 of 20 19 lost', '20 of 20', '1 of 20 19 lost', '20 of 20'])
  expect(await page.locator('#previous').innerText()).toContain('POST /overlap')
  const [shown, ...others] = (await rows(page)).filter(row => row.startsWith('writes'))
  expect(others).toEqual([])
  expect(Object.keys(JSON.parse(shown?.replace(/^writes/, '') ?? ''))).toHaveLength(20)
  expect(await rows(page)).toEqual(expect.arrayContaining(['views\t1', 'user\t"Ada"', 'total\t20']))

  await use(page, 'cookie')
  expect(await rows(page)).toEqual(expect.arrayContaining(['views\t1', 'total\t1']))
  expect(await page.locator('#results tbody').innerText()).not.toMatch(/\d of/)
  // A second time, with what the first has left.
  await follow(page, () => page.getByRole('button', { name: 'Send them in both modes' }).click())
  expect(await results()).toEqual(['1 of 20 19 lost', '20 of 20', '1 of 20 19 lost', '20 of 20'])
  for (const cookie of await context.cookies()) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
})

test('no id is on the page or in the data folder, and what is in the folder is for its owner only', async () => {
  const guest = new Guest(server.url)
  await guest.post('/mode', { mode: 'store' })
  await guest.post('/login', { name: 'Ada' })
  await guest.post('/devices/sign-in', { name: 'Ada' })
  const ids = [guest.cookies.get(cookieNames.store), guest.cookies.get('sid')]
  const page = await guest.text('/')
  expect(page).toContain('<strong id="user">Ada</strong>')
  expect(page).toContain('Set-Cookie')
  for (const id of ids) {
    expect(id).toMatch(/^\S{20,}$/)
    expect(page).not.toContain(id)
  }
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  expect(files.map(({ name }) => name).sort()).toEqual(['keys.json', 'sessions.db', 'sessions.db-shm', 'sessions.db-wal'])
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name)
    const text = name + readFileSync(path, 'latin1')
    for (const id of ids) expect(text).not.toContain(id)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  }
})

test.each(full ? (['SIGINT', 'SIGTERM'] as const) : (['SIGINT'] as const))(
  '%s ends it at once, with exit code 0, whatever connections are open',
  async signal => {
    await visit('store')
    const guest = new Guest(server.url)
    await guest.post('/devices/sign-in', { name: 'Ann' })
    const cut = expect((await guest.listen()).told).rejects.toThrow()
    const { port } = new URL(server.url)
    const silent = connect(Number(port), 'localhost')
    await new Promise(resolve => silent.once('connect', resolve))
    silent.on('error', () => {})
    const asked = performance.now()
    expect(await server.stop(signal)).toEqual({ code: 0, signal: null })
    expect(performance.now() - asked).toBeLessThan(4000) // an idle connection would hold it for 5 s, a stream for ever
    await cut
    silent.destroy()
    server = await startDemo()
  },
)

test('Ctrl-C waits for an answer that is under way, but not for ever', async () => {
  const { hostname, port } = new URL(server.url)
  const slow = connect(Number(port), hostname)
  slow.on('error', () => {})
  const stalled = connect(Number(port), hostname)
  stalled.on('error', () => {})
  const head = ['POST /login HTTP/1.1', `Host: ${hostname}:${port}`, `Origin: ${server.url}`, 'Expect: 100-continue']
  head.push('Content-Type: application/x-www-form-urlencoded', 'Content-Length: 8')
  for (const socket of [slow, stalled]) socket.write([...head, '', ''].join('\r\n'))
  await Promise.all([slow, stalled].map(socket => once(socket, 'data'))) // 100 Continue: the handlers are reading
  for (const socket of [slow, stalled]) socket.write('name')
  const answer = once(slow.setEncoding('utf8'), 'data')
  const asked = performance.now()
  const ended = server.stop('SIGINT')
  slow.write('=Ada')
  expect((await answer)[0]).toContain('303 See Other')
  expect(await ended).toEqual({ code: 0, signal: null })
  expect(performance.now() - asked).toBeLessThan(8000)
  slow.destroy()
  stalled.destroy()
  server = await startDemo()
})

describe('over plain HTTP', () => {
  const post = (path: string, body: string, headers: Record<string, string>) =>
    fetch(server.url + path, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      redirect: 'manual',
    })

  test('a form from another site is refused and changes nothing', async () => {
    const foreign = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: server.url },
      { origin: 'http://evil.example' },
      { origin: 'null' },
    ]
    for (const path of ['/login', '/logout', '/mode', '/overlap']) {
      for (const headers of foreign) {
        const response = await post(path, 'name=Eve&mode=store', headers)
        expect([response.status, response.headers.getSetCookie()]).toEqual([403, []])
        expect(response.headers.get('content-security-policy')).toContain(`default-src 'none'`)
      }
      for (const headers of path === '/overlap' && !full ? [] : [{ 'sec-fetch-site': 'same-origin' }, { origin: server.url }]) {
        const response = await post(path, 'name=Ada&mode=store', headers)
        expect([response.status, response.headers.get('location')]).toEqual([303, path === '/overlap' ? '/peek#overlap' : '/peek'])
      }
    }
  })

  test('nobody but the demo itself can send the requests that wait for each other', async () => {
    for (const path of ['/overlap/begin', '/overlap/write', '/overlap/add', '/overlap/count']) {
      const response = await post(path, '', { 'sec-fetch-site': 'same-origin', 'x-holdfast-demo': 'guess' })
      expect([response.status, response.headers.getSetCookie()]).toEqual([404, []])
    }
  })

  test('a name that is none is sent back with a message, escaped', async () => {
    const headers = { 'sec-fetch-site': 'same-origin' }
    for (const name of ['', '   ', '"<x>'.repeat(20)]) {
      const response = await post('/login', new URLSearchParams({ name }).toString(), headers)
      const body = await response.text()
      expect(response.status).toBe(422)
      expect(response.headers.getSetCookie()).toEqual([])
      expect(body).toContain('Enter a name of 1 to 40 characters.')
      expect(body).toContain('aria-invalid="true"')
      expect(body).not.toContain('<x>')
    }
    expect((await post('/login', `name=${'x'.repeat(5000)}`, headers)).status).toBe(413)
    expect((await post('/login', '{}', { ...headers, 'content-type': 'application/json' })).status).toBe(415)
  })

  test('the page allows no script and is not kept by caches; its files touch no session', async () => {
    const response = await fetch(server.url)
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).not.toMatch(/<script|style=|\son\w+=/i)
    for (const path of ['/style.css', '/favicon.svg', '/devices.js']) {
      const file = await fetch(server.url + path)
      expect([file.status, file.headers.getSetCookie()]).toEqual([200, []])
    }
    expect((await fetch(`${server.url}/nowhere`)).status).toBe(404)
  })

  test('HEAD and a fetch in advance count nothing', async () => {
    for (const options of [{ method: 'HEAD' }, { headers: { 'sec-purpose': 'prefetch' } }]) {
      const response = await fetch(server.url, options)
      expect([response.status, response.headers.getSetCookie()]).toEqual([200, []])
    }
  })
})
