import { userControlsOf } from '../core/controls.ts'
import { SessionDataError, SessionStoreError } from '../core/errors.ts'
import { describeEvent } from '../core/events.ts'
import { userIdOf } from '../core/functions.ts'
import { type Duration, durationMs, mustBeFunction, mustHaveMethods } from '../core/options.ts'
import { checkUserId } from '../core/user-id.ts'
import { ADMIN_TEXTS, type AdminTexts } from './admin-texts.ts'
import { overview, type Scene, userView } from './admin-view.ts'
import { document, plainly, seeOther, words } from './document.ts'
import { cameFromOutside, csrfCheck, isFresh, type SentByUs } from './guard.ts'
import type { Html } from './html.ts'
import { middlewareOf, type PageMiddleware } from './middleware.ts'
import { type CommonOptions, checkCommon, mustBeUrl, pathOf, timesOf } from './page-options.ts'
import type { AdminSessions, Page, PageAnswer, PageRequest } from './port.ts'
import { healthOf, survey } from './survey.ts'
import { textsWith } from './texts.ts'
import type { Times } from './times.ts'

/** `R` is what the hooks get: Koa's context, or the request of Express. */
export interface AdminOptions<R = unknown> extends CommonOptions {
  /** Whether this request may see the page and act on it. Only `true`, or a promise of it, is a yes. There is no page without it. */
  authorize: (request: R) => boolean | Promise<boolean>
  /** Who acts, for the event of each action. Default: the user of the request's session. */
  actor?: ((request: R) => string) | undefined
  /** To end sessions, the admin must have proved who they are within this time, by the request's session; `false` leaves that to `authorize`. Default `15m`. */
  within?: Duration | false | undefined
  /** Where the link above the view of the whole site leads. Default: there is none. */
  homeUrl?: string | undefined
  /** How many sessions a view of the whole site looks at. Default 10000. */
  sample?: number | undefined
  /** Texts in the place of the English ones, by their names. */
  texts?: Partial<AdminTexts> | undefined
}

/** What somebody who runs the site has done: looked at a user's sessions, ended one, those of a user, or all. */
export type AdminAction = 'listed' | 'ended' | 'endedUser' | 'endedEveryone'

/**
 * The page for those who run the site: whose sessions there are, and how to end them. To everybody else it is not there.
 *
 * @example
 * app.use(admin(sessions, { path: '/admin/sessions', authorize: async ctx => (await users.find(userIdOf(ctx.session))).isAdmin === true }))
 */
export function admin<R = unknown>(sessions: AdminSessions, options: AdminOptions<R>): PageMiddleware {
  mustHaveMethods('admin: sessions', sessions, ['list', 'revoke', 'revokeAll', 'revokeEveryone', 'audit', 'csrfToken'])
  if (typeof options?.authorize !== 'function') {
    throw new TypeError("admin: the option authorize is missing: a function that gives true for those who may see everybody's sessions")
  }
  checkCommon('admin', options, ['authorize', 'actor', 'within', 'homeUrl', 'sample'])
  mustBeUrl('admin', 'homeUrl', options.homeUrl)
  mustBeFunction('admin: actor', options.actor)
  return middlewareOf(new AdminPage(sessions, options as AdminOptions<never>))
}

/** What a form has done, as the redirect names it: the text that says so, and whether it is no good news. */
const NOTICES: ReadonlyMap<string | null, readonly [keyof AdminTexts, boolean]> = new Map([
  ['one', ['doneOne', false]],
  ['user', ['doneUser', false]],
  ['everyone', ['doneEveryone', false]],
  ['none', ['doneNone', true]],
  ['unconfirmed', ['doneUnconfirmed', true]],
] as const)

/** Who does what a request asks for. */
interface Actor {
  request: PageRequest
  actor: string
}

class AdminPage implements Page {
  readonly path: string
  readonly property: string
  readonly #sessions: AdminSessions
  readonly #options: AdminOptions<never>
  readonly #texts: AdminTexts
  readonly #times: Times
  readonly #sentByUs: SentByUs
  readonly #withinMs: number | false
  readonly #sample: number

  constructor(sessions: AdminSessions, options: AdminOptions<never>) {
    const { path = '/admin/sessions', property = 'session', within = '15m', sample = 10_000 } = options
    if (!Number.isInteger(sample) || sample < 1) throw new TypeError('admin: sample must be a whole number, 1 or more')
    this.path = pathOf(path)
    this.property = property
    this.#sessions = sessions
    this.#options = options
    this.#texts = textsWith('admin', ADMIN_TEXTS, options.texts) as AdminTexts
    this.#times = timesOf('admin', options)
    this.#sentByUs = csrfCheck(sessions, options.origins)
    this.#withinMs = within === false ? false : durationMs('admin: within', within)
    this.#sample = sample
  }

  async answer(request: PageRequest): Promise<PageAnswer> {
    if (!(await this.#mayCome(request))) return this.#notFound()
    const { method, query } = request
    if (method === 'POST') return this.#act(request)
    if (method !== 'GET' && method !== 'HEAD') return plainly(405, 'Method Not Allowed', { Allow: 'GET, HEAD, POST' })
    const user = query.get('user')
    return user === null || user === '' ? this.#overview(request) : this.#user(request, user)
  }

  /** A promise is awaited, and whatever is not `true` is a no: for reads, too. */
  async #mayCome({ source }: PageRequest): Promise<boolean> {
    if ((await this.#options.authorize(source as never)) === true) return true
    this.#sessions.tell('session:refused', describeEvent({ reason: 'admin' }, { request: source }, String))
    return false
  }

  #notFound(): PageAnswer {
    return plainly(404, 'Not Found')
  }

  async #overview(request: PageRequest, notice?: keyof AdminTexts): Promise<PageAnswer> {
    const health = await healthOf(this.#sessions)
    const found = health === 'down' ? undefined : await this.#survey(request.session)
    const scene = this.#scene(request, notice)
    return this.#document(
      overview(found, health, this.#sessions.audit().findings, scene),
      this.#texts.title,
      notice === undefined ? 200 : 404,
    )
  }

  async #survey(session: object | undefined) {
    try {
      return await survey(this.#sessions, this.#sample, session)
    } catch (error) {
      if (error instanceof SessionStoreError) return undefined
      throw error
    }
  }

  async #user(request: PageRequest, user: string): Promise<PageAnswer> {
    const userId = asUserId(user)
    if (userId === undefined) return this.#overview(request, 'doneUnknown')
    const { session } = request
    const sessions = await this.#sessions.list(userId, session ? { current: session } : {})
    this.#tell('listed', { request, actor: await this.#actorOf(request) }, { userId })
    return this.#document(userView(userId, sessions, this.#scene(request)), this.#texts.title)
  }

  async #act(request: PageRequest): Promise<PageAnswer> {
    const form = await request.form()
    if (!form) return plainly(413, 'Content Too Large')
    // The form may have come slowly, and who sends it may have lost the right meanwhile.
    if (!(await this.#mayCome(request))) return this.#notFound()
    const { refusedTitle, refusedText, title } = this.#texts
    if (!this.#sentByUs(request, form)) return this.#words(refusedTitle, refusedText, { url: '?', text: title })
    if (!this.#fresh(request.session)) return this.#confirm()
    // Who acts is known before anything is done: what nobody has done is done by nobody.
    const actor = await this.#actorOf(request)
    const userId = asUserId(fromJson(form.get('user')))
    switch (form.get('do')) {
      case 'one':
        return userId === undefined ? this.#none() : this.#endOne({ request, actor }, userId, form.get('handle') ?? '')
      case 'user':
        return userId === undefined ? this.#none() : this.#endUser({ request, actor }, userId)
      case 'everyone':
        return this.#endEveryone({ request, actor }, form.get('confirm') ?? '')
      default:
        return this.#none()
    }
  }

  async #endOne(by: Actor, userId: string, handle: string): Promise<PageAnswer> {
    const ended = await this.#doing('ended', by, { userId, handle }, () => this.#sessions.revoke(userId, handle))
    return seeOther(`?${new URLSearchParams({ user: userId, done: ended ? 'one' : 'none' })}`)
  }

  async #endUser(by: Actor, userId: string): Promise<PageAnswer> {
    await this.#doing('endedUser', by, { userId }, () => this.#sessions.revokeAll(userId))
    return seeOther(`?${new URLSearchParams({ user: userId, done: 'user' })}`)
  }

  async #endEveryone(by: Actor, confirmation: string): Promise<PageAnswer> {
    if (confirmation.trim() !== this.#texts.everyoneWords) return seeOther('?done=unconfirmed')
    await this.#doing('endedEveryone', by, {}, () => this.#sessions.revokeEveryone())
    return seeOther('?done=everyone')
  }

  #none(): PageAnswer {
    return seeOther('?done=none')
  }

  /** What has failed may be done in part: it is told as well, with `failed`. */
  async #doing<T>(action: AdminAction, by: Actor, about: object, act: () => Promise<T>): Promise<T> {
    const result = await act().catch((error: unknown) => {
      this.#tell(action, by, { ...about, failed: true })
      throw error
    })
    this.#tell(action, by, { ...about, result })
    return result
  }

  #tell(action: AdminAction, { request, actor }: Actor, value: object): void {
    this.#sessions.tell('admin:action', describeEvent({ reason: action, actor, value }, { request: request.source }, String))
  }

  async #actorOf({ session, source }: PageRequest): Promise<string> {
    const { actor } = this.#options
    const name = actor ? await (actor(source as never) as unknown) : session && userIdOf(session)
    if (typeof name === 'string' && name !== '') return name
    throw new TypeError('admin: nobody knows who acts: give the option actor, a function that names who is behind a request')
  }

  #fresh(session: object | undefined): boolean {
    return this.#withinMs === false || (session !== undefined && isFresh(session, this.#withinMs))
  }

  #confirm(): PageAnswer {
    const { reauthenticateUrl: url } = this.#options
    const { confirmTitle, confirmText, confirm } = this.#texts
    return this.#words(confirmTitle, confirmText, url === undefined ? undefined : { url, text: confirm })
  }

  #scene(request: PageRequest, said?: keyof AdminTexts): Scene {
    const { session, query } = request
    const done = cameFromOutside(request) ? undefined : NOTICES.get(query.get('done'))
    const notice = said ? ([said, true] as const) : done
    return {
      texts: this.#texts,
      times: this.#times,
      now: this.#sessions.manager.now(),
      token: session && userControlsOf(session).csrfSubject !== undefined ? this.#sessions.csrfToken(session) : undefined,
      notice: notice && { text: this.#texts[notice[0]], bad: notice[1] },
      homeUrl: this.#options.homeUrl,
    }
  }

  #document(content: Html, title: string, status = 200): PageAnswer {
    return document(content, { locale: this.#times.locale, title, wide: true, status })
  }

  #words(title: string, text: string, link?: { url: string; text: string }): PageAnswer {
    return words(title, text, link, { locale: this.#times.locale, status: 403 })
  }
}

/** A text that some store could keep as a user id; undefined: there is no such user. */
function asUserId(value: unknown): string | undefined {
  try {
    return checkUserId(value)
  } catch (error) {
    if (error instanceof SessionDataError) return undefined
    throw error
  }
}

function fromJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
