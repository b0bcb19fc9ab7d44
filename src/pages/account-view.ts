import { ACCOUNT_TEXTS, type AccountTexts } from './account-texts.ts'
import { TOKEN_FIELD } from './guard.ts'
import { type Html, html } from './html.ts'
import { deviceIcon } from './icons.ts'
import { labelOf } from './label.ts'
import type { PageSession } from './port.ts'
import { filled } from './texts.ts'
import { ACTIVE_MS, type Times } from './times.ts'

export type FactTexts = Pick<AccountTexts, 'activeNow' | 'lastActive' | 'signedIn'>

export interface Listed {
  sessions: readonly PageSession[]
  token: string
  now: number
  /** Said above the list: what a form has done. */
  notice?: string | undefined
  homeUrl?: string | undefined
  signInUrl?: string | undefined
}

/** The list of devices, this one first, and below it the one action that ends all others. */
export function accountView(listed: Listed, texts: AccountTexts, times: Times): Html {
  const { sessions, notice, homeUrl, signInUrl } = listed
  return html`${homeUrl !== undefined && html`<a class="back" href="${homeUrl}">${texts.back}</a>`}
<div id="devices" data-list="${marksOf(sessions)}">
<h1>${texts.title}</h1>
<p class="lead">${texts.intro}</p>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
<ul class="list" role="list">
${ordered(sessions).map(session => deviceCard(session, listed, texts, times))}
</ul>
${othersOf(listed, texts)}
</div>
<p class="notice" id="status" role="status" data-changed="${texts.changed}"></p>
<div class="words" id="ended" tabindex="-1" hidden>
<h1>${texts.endedTitle}</h1>
<p class="lead">${texts.endedText}</p>
${signInUrl !== undefined && html`<a class="button primary" href="${signInUrl}">${texts.signIn}</a>`}
</div>`
}

/** This one first, then those that were used last. */
export function ordered<S extends PageSession>(sessions: readonly S[]): S[] {
  return [...sessions].sort((a, b) => Number(b.current) - Number(a.current) || b.touchedAt - a.touchedAt)
}

/** By what a page knows whether it shows the list as it is. */
export function marksOf(sessions: readonly PageSession[]): string {
  return sessions
    .map(({ handle }) => handle)
    .sort()
    .join(' ')
}

function deviceCard(session: PageSession, { token, now }: Listed, texts: AccountTexts, times: Times): Html {
  const { handle, current } = session
  const { name, place } = nameOf(session, texts.unknownDevice)
  return html`<li class="card device${current && ' this'}">
<span class="icon">${deviceIcon(name)}</span>
<div>
<h2>${name}${current && html` <span class="badge">${texts.thisDevice}</span>`}</h2>
${factsOf(session, current, now, texts, times)}
</div>
<form method="post" action="?">
<input type="hidden" name="${TOKEN_FIELD}" value="${token}">
<button id="out-${handle}" name="handle" value="${handle}">${texts.signOut}<span class="vh"> ${name}${place !== '' && `, ${place}`}${current && `, ${texts.thisDevice}`}</span></button>
</form>
</li>
`
}

/** Where, when last, and since when: in two lines. */
export function factsOf(session: PageSession, inUse: boolean, now: number, texts: FactTexts, times: Times): Html {
  const { place } = nameOf(session, '')
  const active = inUse || now - session.touchedAt < ACTIVE_MS
  return html`<p class="facts">${place !== '' && html`${place} · `}${
    active ? html`<span class="now">${texts.activeNow}</span>` : filled(texts.lastActive, { time: times.ago(session.touchedAt, now) })
  }<br><span class="since">${filled(texts.signedIn, { date: times.date(session.authenticatedAt ?? session.createdAt) })}</span></p>`
}

/** A device in words: what it is, and where; of a place that nobody knows, its address. */
export function nameOf({ device }: PageSession, unknown: string): { name: string; place: string } {
  const label = labelOf(device?.label)
  // What a login could make nothing of, it has called so in English.
  const name = label === '' || label === ACCOUNT_TEXTS.unknownDevice ? unknown : label
  return { name, place: labelOf(device?.place) || labelOf(device?.ip) }
}

function othersOf({ sessions, token }: Listed, texts: AccountTexts): Html {
  if (sessions.every(({ current }) => current)) return html`<p class="only">${texts.onlyThis}</p>`
  return html`<section class="card others" aria-labelledby="others">
<div>
<h2 id="others">${texts.othersTitle}</h2>
<p>${texts.othersText}</p>
</div>
<form method="post" action="?">
<input type="hidden" name="${TOKEN_FIELD}" value="${token}">
<button class="danger" name="others" value="yes">${texts.signOutOthers}</button>
</form>
</section>`
}
