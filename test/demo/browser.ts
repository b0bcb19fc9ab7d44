// A real browser for the demo: a visitor is a profile of its own, and what its console complains of fails the test.
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'

const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Visit {
  page: Page
  context: BrowserContext
}

interface VisitOptions extends BrowserContextOptions {
  /** What the browser has of this site before the visit, by name. */
  cookies?: Record<string, string>
}

/** One browser for all tests of a file. Where there is none, they fail. */
export function useBrowser(): { visit(url: string, options?: VisitOptions): Promise<Visit> } {
  let browser: Browser
  let complaints: string[]
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: chromiumArguments })
  })
  afterAll(() => browser?.close())
  beforeEach(() => {
    complaints = []
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()))
    expect(complaints).toEqual([])
  })
  return {
    async visit(url, { cookies = {}, ...options } = {}) {
      const context = await browser.newContext(options)
      const site = new URL('/', url).href
      await context.addCookies(Object.entries(cookies).map(([name, value]) => ({ name, value, url: site })))
      const page = await context.newPage()
      // A browser asks for the icon when it likes, also after the page has been loaded and the server has been stopped.
      const complain = (from: string, text: string) => /\/favicon\.(svg|ico)$/.test(from) || complaints.push(`${from}: ${text}`)
      page.on('console', message => ['error', 'warning'].includes(message.type()) && complain(message.location().url, message.text()))
      page.on('pageerror', error => complain(page.url(), String(error)))
      // A page that is left gives up its stream of events.
      page.on('requestfailed', request => request.url().endsWith('?events') || complain(request.url(), 'failed'))
      await page.goto(url)
      return { page, context }
    },
  }
}

/** Does what leads to another page and waits until that page is there. */
export async function follow(page: Page, action: () => Promise<void>): Promise<void> {
  const loaded = page.waitForEvent('load')
  await action()
  await loaded
}

/** Sends a form as a page of the demo does, with the cookies of this browser and for them, and shows nothing of it: faster than a click. */
export async function send({ context, page }: Visit, path: string, form: Record<string, string> = {}): Promise<void> {
  const url = new URL(path, page.url()).href
  const response = await context.request.post(url, { form, headers: { 'sec-fetch-site': 'same-origin' }, maxRedirects: 0 })
  expect(response.status()).toBe(303)
}
