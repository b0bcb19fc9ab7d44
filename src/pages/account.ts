import { SessionGoneError, SessionRevokedError } from '../core/errors.ts'
import { idOf, logout, userIdOf } from '../core/functions.ts'
import { type Duration, durationMs, mustHaveMethods } from '../core/options.ts'
import { ACCOUNT_SCRIPT } from './account-script.ts'
import { AccountStreams, told } from './account-stream.ts'
import { ACCOUNT_TEXTS, type AccountTexts } from './account-texts.ts'
import { accountView } from './account-view.ts'
import { document, eventStream, plainly, seeOther, words } from './document.ts'
import { cameFromOutside, csrfCheck, isFresh, type SentByUs } from './guard.ts'
import { middlewareOf, type PageMiddleware } from './middleware.ts'
import { type CommonOptions, checkCommon, mustBeUrl, pathOf, timesOf } from './page-options.ts'
import type { AccountSessions, Page, PageAnswer, PageRequest } from './port.ts'
import { textsWith } from './texts.ts'
import type { Times } from './times.ts'

export interface AccountOptions extends CommonOptions {
  /** Where visitors who are not signed in are sent. Default: words, and no link. */
  signInUrl?: string | undefined
  /** Where the link above the list leads. Default: there is none. */
  homeUrl?: string | undefined
  /** To end another session, the user must have proved who they are within this time. Default `15m`. */
  within?: Duration | undefined
  /** Texts in the place of the English ones, by their names. */
  texts?: Partial<AccountTexts> | undefined
}

/**
 * The page on which users see their devices and sign them out: `app.use` of it behind the session's middleware, in Koa or in Express.
 * Misuse is a `TypeError` here.
 *
 * @example
 * app.use(account(sessions, { path: '/account/sessions', signInUrl: '/login', reauthenticateUrl: '/confirm' }))
 */
export function account(sessions: AccountSessions, options: AccountOptions = {}): PageMiddleware {
  mustHaveMethods('account: sessions', sessions, ['list', 'revoke', 'revokeAll', 'csrfToken'])
  checkCommon('account', options, ['signInUrl', 'homeUrl', 'within'])
  mustBeUrl('account', 'signInUrl', options.signInUrl)
  mustBeUrl('account', 'homeUrl', options.homeUrl)
  return middlewareOf(new AccountPage(sessions, options))
}

/** What a form has done, as the redirect names it, and the text that says so. */
const NOTICES: ReadonlyMap<string | null, keyof AccountTexts> = new Map([
  ['one', 'doneOne'],
  ['others', 'doneOthers'],
  ['none', 'doneNone'],
] as const)

/** How far the two forms of a button that is pressed twice may be apart. */
const PRESSED_TWICE_MS = 10_000

class AccountPage implements Page {
  readonly path: string
  readonly property: string
  readonly #sessions: AccountSessions
  readonly #options: AccountOptions
  readonly #texts: AccountTexts
  readonly #times: Times
  readonly #sentByUs: SentByUs
  readonly #withinMs: number
  readonly #streams: AccountStreams
  /** Who is signing out all others, by the id that their session had. */
  readonly #ending = new Map<string, Promise<PageAnswer>>()

  constructor(sessions: AccountSessions, options: AccountOptions) {
    const { path = '/account/sessions', property = 'session', within = '15m' } = options
    this.path = pathOf(path)
    this.property = property
    this.#sessions = sessions
    this.#options = options
    this.#texts = textsWith('account', ACCOUNT_TEXTS, options.texts) as AccountTexts
    this.#times = timesOf('account', options)
    this.#sentByUs = csrfCheck(sessions, options.origins)
    this.#withinMs = durationMs('account: within', within)
    this.#streams = new AccountStreams(sessions)
  }

  async answer(request: PageRequest): Promise<PageAnswer> {
    const { method, session } = request
    const userId = session && userIdOf(session)
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return plainly(405, 'Method Not Allowed', { Allow: 'GET, HEAD, POST' })
    if (!session || userId === undefined) return this.#anonymous(request)
    if (method === 'POST') return this.#act(request, session, userId)
    if (method === 'HEAD' || !request.query.has('events')) return this.#show(request, session, userId)
    const stream = this.#streams.begin(session, userId)
    return stream ? eventStream(stream) : plainly(429, 'Too Many Requests')
  }

  async #show(request: PageRequest, session: object, userId: string): Promise<PageAnswer> {
    const done = cameFromOutside(request) ? undefined : NOTICES.get(request.query.get('done'))
    const { homeUrl, signInUrl } = this.#options
    const listed = {
      sessions: await this.#sessions.list(userId, { current: session }),
      token: this.#sessions.csrfToken(session),
      now: this.#sessions.manager.now(),
      notice: done && this.#texts[done],
      homeUrl,
      signInUrl,
    }
    const content = accountView(listed, this.#texts, this.#times)
    return document(content, { locale: this.#times.locale, title: this.#texts.title, script: ACCOUNT_SCRIPT })
  }

  async #act(request: PageRequest, session: object, userId: string): Promise<PageAnswer> {
    const form = await request.form()
    if (!form) return plainly(413, 'Content Too Large')
    if (!this.#sentByUs(request, form)) return this.#refused()
    const handle = form.get('handle') ?? ''
    if (form.has('others')) return this.#freshly(session, () => this.#endOthers(session, userId))
    const own = (await this.#sessions.list(userId, { current: session })).find(({ current }) => current)
    if (own?.handle === handle) return this.#endThis(session)
    return this.#freshly(session, async () => seeOther((await this.#sessions.revoke(userId, handle)) ? '?done=one' : '?done=none'))
  }

  /** A redirect would lead to the app's pages, and perhaps from there to another site, which `form-action` forbids. */
  async #endThis(session: object): Promise<PageAnswer> {
    await logout(session)
    return this.#signedOut()
  }

  /**
   * Once for each id that a session has: a button that is pressed twice sends two forms, and of two new ids for one session the later one
   * would end all of the user's sessions, since somebody else may be behind the other (H25).
   */
  #endOthers(session: object, userId: string): Promise<PageAnswer> {
    const id = idOf(session)
    const running = id === undefined ? undefined : this.#ending.get(id)
    if (running) return running
    const ending = this.#endAllBut(session, userId)
    if (id !== undefined) {
      this.#ending.set(id, ending)
      const forget = () => void this.#ending.delete(id)
      // What has failed may be asked for again at once.
      ending.then(() => void setTimeout(forget, PRESSED_TWICE_MS).unref(), forget)
    }
    return ending
  }

  async #endAllBut(session: object, userId: string): Promise<PageAnswer> {
    try {
      await this.#sessions.revokeAll(userId, { except: session })
    } catch (error) {
      // Somebody else has given it another id at the same moment, or ended it: then all of the user's have ended.
      if (error instanceof SessionGoneError || error instanceof SessionRevokedError) return this.#signedOut()
      throw error
    }
    return seeOther('?done=others')
  }

  /** Whoever finds a device unlocked shall not be able to shut its owner out. */
  async #freshly(session: object, act: () => Promise<PageAnswer>): Promise<PageAnswer> {
    if (isFresh(session, this.#withinMs)) return act()
    const { reauthenticateUrl: url } = this.#options
    const { confirmTitle, confirmText, confirm } = this.#texts
    return this.#words(403, confirmTitle, confirmText, url === undefined ? undefined : { url, text: confirm })
  }

  #anonymous({ method, query }: PageRequest): PageAnswer {
    const { signInUrl } = this.#options
    // The page is still open, and its session over since.
    if (query.has('events')) return eventStream(told('ended'))
    if (signInUrl !== undefined && method !== 'POST') return seeOther(signInUrl)
    return this.#words(401, this.#texts.anonymousTitle, this.#texts.anonymousText, this.#signIn())
  }

  #signedOut(): PageAnswer {
    return this.#words(200, this.#texts.endedTitle, this.#texts.endedText, this.#signIn())
  }

  #refused(): PageAnswer {
    return this.#words(403, this.#texts.refusedTitle, this.#texts.refusedText, { url: '?', text: this.#texts.backToDevices })
  }

  #signIn(): { url: string; text: string } | undefined {
    const { signInUrl: url } = this.#options
    return url === undefined ? undefined : { url, text: this.#texts.signIn }
  }

  #words(status: number, title: string, text: string, link?: { url: string; text: string }): PageAnswer {
    return words(title, text, link, { locale: this.#times.locale, status })
  }
}
