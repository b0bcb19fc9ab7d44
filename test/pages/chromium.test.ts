// Both pages in a real browser: two devices of one user, the admin, axe, and how it looks.
import { mkdirSync } from 'node:fs'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { full } from '../support/full.ts'
import { AGENTS, openSite, type PagesSite, Person } from './site.ts'

const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const pictures = new URL('../../.cache/pages/', import.meta.url).pathname

vi.setConfig({ testTimeout: 90_000 })

let browser: Browser
let complaints: string[]
beforeAll(async () => {
  mkdirSync(pictures, { recursive: true })
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: chromiumArguments })
})
afterAll(() => browser?.close())
beforeEach(() => {
  complaints = []
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  expect(complaints).toEqual([])
})

interface Device {
  agent: keyof typeof AGENTS
  ip: string
}
const LAPTOP: Device = { agent: 'Firefox on Linux', ip: '192.0.2.1' }
const PHONE: Device = { agent: 'Safari on iPhone', ip: '192.0.2.2' }

/** A browser profile of its own, signed in. What its console complains of fails the test. */
async function signIn(
  site: PagesSite,
  user: string,
  { agent, ip }: Device,
  options = {},
): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext({ userAgent: AGENTS[agent], extraHTTPHeaders: { 'x-forwarded-for': ip }, ...options })
  const page = await context.newPage()
  page.on(
    'console',
    message => ['error', 'warning'].includes(message.type()) && complaints.push(`${message.location().url}: ${message.text()}`),
  )
  page.on('pageerror', error => complaints.push(String(error)))
  await page.goto(`${site.url}/login?user=${user}`)
  return { page, context }
}

const headings = async (page: Page) => (await page.locator('.device h2').allInnerTexts()).map(text => text.replace(/\s+/g, ' '))

/** What axe finds wrong with a page as it is now. The page's policy lets nobody's script in, so axe comes by the debugger. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { violations, incomplete } = await (
      globalThis as unknown as { axe: { run(): Promise<{ violations: Loose[]; incomplete: Loose[] }> } }
    ).axe.run()
    type Loose = { id: string; nodes: { html: string; any: { message: string }[] }[] }
    return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
      nodes.map(node => `${id}: ${node.html} ${node.any.map(check => check.message)}`),
    )
  })
}

describe.each(full ? (['Koa 3', 'Express 5'] as const) : (['Express 5'] as const))('on %s', framework => {
  test('two browsers of one user: both are listed, and the one that the other signs out is out within a second, without a reload', async () => {
    const site = await openSite(framework)
    const laptop = await signIn(site, 'ann', LAPTOP)
    const phone = await signIn(site, 'ann', PHONE)
    await phone.page.goto(`${site.url}/account/sessions`)
    await laptop.page.goto(`${site.url}/account/sessions`)
    expect(await headings(phone.page)).toEqual(['Safari on iPhone This device', 'Firefox on Linux'])
    expect(await headings(laptop.page)).toEqual(['Firefox on Linux This device', 'Safari on iPhone'])
    await phone.page.evaluate(() => Object.assign(globalThis, { stayed: true }))

    const out = phone.page.getByRole('heading', { name: 'You were signed out' }).waitFor()
    await laptop.page.getByRole('button', { name: 'Sign out Safari on iPhone, Hamburg' }).click()
    await laptop.page.getByText('The device was signed out.').waitFor()
    const began = performance.now()
    await out
    expect(performance.now() - began).toBeLessThan(1000)
    expect(await phone.page.evaluate(() => 'stayed' in globalThis)).toBe(true)
    expect(await phone.page.getByRole('button').count()).toBe(0)
    expect(await headings(laptop.page)).toEqual(['Firefox on Linux This device'])
    await phone.page.goto(`${site.url}/whoami`)
    expect(await phone.page.innerText('body')).toBe('nobody')
    await laptop.page.goto(`${site.url}/whoami`)
    expect(await laptop.page.innerText('body')).toBe('ann')
  })

  test('signing out the others, with the keyboard; a list that changes elsewhere is shown without a reload', async () => {
    const site = await openSite(framework)
    const { page } = await signIn(site, 'ann', LAPTOP)
    await page.goto(`${site.url}/account/sessions`)
    expect(await page.getByText('You are not signed in anywhere else.').isVisible()).toBe(true)
    const phone = await signIn(site, 'ann', PHONE)
    await page.getByRole('heading', { name: 'Safari on iPhone' }).waitFor()
    expect(await page.getByRole('status').innerText()).toBe('The list of your devices has changed.')
    const others = page.getByRole('button', { name: 'Sign out all other devices' })
    for (let presses = 0; presses < 10 && !(await others.evaluate(button => button.matches(':focus-visible'))); presses++) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.getByText('All other devices were signed out.').waitFor()
    expect(await headings(page)).toEqual(['Firefox on Linux This device'])
    await phone.page.goto(`${site.url}/whoami`)
    expect(await phone.page.innerText('body')).toBe('nobody')
    await page.goto(`${site.url}/whoami`)
    expect(await page.innerText('body')).toBe('ann')
  })

  test('another tab of this browser goes on when the session gets a new id', async () => {
    const site = await openSite(framework)
    const { page, context } = await signIn(site, 'ann', LAPTOP)
    await page.goto(`${site.url}/account/sessions`)
    await page.evaluate(() => Object.assign(globalThis, { stayed: true }))
    const other = await context.newPage()
    const again = page.waitForRequest(request => request.url().endsWith('?events'))
    await other.goto(`${site.url}/confirm`)
    await page.bringToFront()
    await again
    expect(await headings(page)).toEqual(['Firefox on Linux This device'])
    expect(await page.evaluate(() => 'stayed' in globalThis)).toBe(true)
    expect(await page.getByRole('heading', { name: 'You were signed out' }).isVisible()).toBe(false)
  })

  test('the admin finds a user, signs them out, and then everyone', async () => {
    const site = await openSite(framework)
    const ann = await signIn(site, 'ann', PHONE)
    await signIn(site, 'bob', LAPTOP)
    await ann.page.goto(`${site.url}/account/sessions`)
    const { page } = await signIn(site, 'root', { agent: 'Chrome on Windows', ip: '198.51.100.7' })
    await page.goto(`${site.url}/admin/sessions`)
    expect(await page.locator('dl').innerText()).toMatch(
      /Live sessions\s+3\s+Users signed in\s+3\s+Active in the last 5 minutes\s+3\s+Session store\s+[\d.]+ ms/,
    )
    const out = ann.page.getByRole('heading', { name: 'You were signed out' }).waitFor()
    await page.getByLabel('User id').fill('ann')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'ann', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByText('The user was signed out everywhere.').waitFor()
    await out
    await ann.page.goto(`${site.url}/whoami`)
    expect(await ann.page.innerText('body')).toBe('nobody')
    expect(site.actions.map(({ reason, actor }) => `${actor} ${reason}`)).toEqual(['root listed', 'root endedUser', 'root listed'])
  })
})

/** A site on which some people are signed in, at times that the pictures show. */
async function peopled(): Promise<{ site: PagesSite; dayLater(): void }> {
  let now = Date.UTC(2030, 4, 14, 9, 20)
  const site = await openSite('Koa 3', { sessions: { now: () => now, idleTimeout: '60d', absoluteTimeout: '90d' } })
  const agents = Object.keys(AGENTS) as (keyof typeof AGENTS)[]
  const visits: [hours: number, user: string, agent: keyof typeof AGENTS, ip: string][] = [
    [9 * 24, 'ann', 'Microsoft Edge on Windows', '192.0.2.3'],
    [75, 'ann', 'Chrome on Android', '198.51.100.7'],
    [30, 'ann', 'Safari on macOS', '192.0.2.2'],
    [1, 'ann', 'Safari on iPhone', '192.0.2.1'],
  ]
  for (let n = 0; n < 40; n++) {
    visits.push([(n * n) % 640, `user-${n % 31}@shop.example`, agents[n % agents.length] ?? 'Firefox on Linux', `192.0.2.${(n % 5) + 1}`])
  }
  const at = now
  for (const [hours, user, agent, ip] of visits.sort((a, b) => b[0] - a[0])) {
    now = at - hours * 3_600_000
    await new Person(site).login(user, AGENTS[agent], ip)
  }
  now = at
  const dayLater = () => {
    now += 24 * 3_600_000
  }
  return { site, dayLater }
}

/** Presses a button that asks for a new proof of who one is. Chromium complains of each 403. */
async function refused(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out Safari on macOS' }).click()
  await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
  await vi.waitFor(() => expect(complaints.splice(0)).toEqual([expect.stringMatching(/\/sessions\?: .* 403 /)]))
}

const looks = [
  ['light', 390],
  ['dark', 1280],
  ['light', 1280],
  ['dark', 390],
] as const

// `npm run test:full` looks at all four.
describe.each(looks.slice(0, full ? 4 : 2))('each page, %s, %i px', (colorScheme, width) => {
  test('is clean for axe, and no wider than its window', async () => {
    const { site, dayLater } = await peopled()
    const options = { colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' }
    const ann = await signIn(site, 'ann', LAPTOP, options)
    const root = await signIn(site, 'root', LAPTOP, options)
    const views: [string, Page, string, (page: Page) => Promise<unknown>][] = [
      ['account', ann.page, '/account/sessions', async () => undefined],
      [
        'account-done',
        ann.page,
        '/account/sessions',
        page => page.getByRole('button', { name: 'Sign out Microsoft Edge on Windows' }).click(),
      ],
      ['admin', root.page, '/admin/sessions', async () => undefined],
      [
        'admin-open',
        root.page,
        '/admin/sessions',
        async page => {
          for (const one of await page.locator('summary').all()) await one.click()
        },
      ],
      ['admin-user', root.page, '/admin/sessions?user=ann', async () => undefined],
      ['admin-nobody', root.page, '/admin/sessions?user=nobody', async () => undefined],
      [
        'account-confirm',
        ann.page,
        '/account/sessions',
        async page => {
          dayLater()
          await refused(page)
        },
      ],
      ['admin-confirm', root.page, '/admin/sessions?user=ann', refused],
      [
        'account-out',
        ann.page,
        '/account/sessions',
        async page => {
          await site.sessions.revokeAll('ann')
          await page.getByRole('heading', { name: 'You were signed out' }).waitFor()
        },
      ],
    ]
    for (const [name, page, path, act] of views) {
      await page.goto(site.url + path)
      await act(page)
      await page.screenshot({ path: `${pictures}${name}-${colorScheme}-${width}.png`, fullPage: true })
      expect([name, await faults(page)]).toEqual([name, []])
      const [inner, wanted] = await page.evaluate(() => {
        const { documentElement: root } = (
          globalThis as unknown as { document: { documentElement: { clientWidth: number; scrollWidth: number } } }
        ).document
        return [root.clientWidth, root.scrollWidth]
      })
      expect([name, wanted]).toEqual([name, inner])
    }
  })
})
