import { factsOf, nameOf, ordered } from './account-view.ts'
import type { AdminTexts } from './admin-texts.ts'
import { barsOf, chart } from './chart.ts'
import { TOKEN_FIELD } from './guard.ts'
import { type Html, html } from './html.ts'
import { deviceIcon } from './icons.ts'
import { labelOf } from './label.ts'
import type { PageFinding, PageSession, SitePageSession } from './port.ts'
import type { Health, Survey } from './survey.ts'
import { filled } from './texts.ts'
import { ACTIVE_MS, type Times } from './times.ts'

/** What every part of the page needs. */
export interface Scene {
  texts: AdminTexts
  times: Times
  now: number
  /** Of the forms; absent where the visitor has no session, and the browser must say where a form comes from. */
  token: string | undefined
  notice: { text: string; bad: boolean } | undefined
  homeUrl?: string | undefined
}

/** How many rows "used last" has. */
const ROWS = 20

/** The whole site at a glance. `found` is absent where the store did not answer. */
export function overview(found: Survey | undefined, health: Health, findings: readonly PageFinding[], scene: Scene): Html {
  const { texts, homeUrl } = scene
  return html`${homeUrl !== undefined && html`<a class="back" href="${homeUrl}">${texts.home}</a>\n`}<div class="top">
<h1>${texts.title}</h1>
${searchForm(scene, '')}
</div>
${noticeOf(scene)}
${found === undefined && html`<p class="notice bad" role="status">${texts.storeDownText}</p>`}
${stats(found, health, scene)}
${found && !found.whole && html`<p class="only">${filled(texts.sampled, { number: scene.times.number(found.sessions.length) })}</p>`}
${found && chartPanel(found, scene)}
${found && found.sessions.length > 0 && recent(found.sessions, scene)}
${audit(findings, scene)}
${everyone(scene)}`
}

/** One user's sessions. */
export function userView(userId: string, sessions: readonly PageSession[], scene: Scene): Html {
  const { texts } = scene
  return html`<a class="back" href="?">${texts.back}</a>
<div class="top">
<h1>${labelOf(userId)}</h1>
${searchForm(scene, userId)}
</div>
${noticeOf(scene)}
${sessions.length === 0 && html`<p class="only">${texts.userNone}</p>`}
${
  sessions.length > 0 &&
  html`<ul class="list" role="list">
${ordered(sessions).map(session => sessionCard(session, userId, scene))}
</ul>`
}
<section class="card others" aria-labelledby="all">
<div>
<h2 id="all">${texts.userAllTitle}</h2>
<p>${texts.userAllText}</p>
</div>
${form(scene, { user: userId }, html`<button class="danger" name="do" value="user">${texts.userAll}</button>`)}
</section>`
}

/** User ids may have characters that a form would change: in a hidden field they travel as JSON. */
function form({ token }: Scene, { user, handle }: { user: string; handle?: string }, button: Html): Html {
  return html`<form method="post" action="?">
${token !== undefined && html`<input type="hidden" name="${TOKEN_FIELD}" value="${token}">`}
<input type="hidden" name="user" value="${JSON.stringify(user)}">
${handle !== undefined && html`<input type="hidden" name="handle" value="${handle}">`}
${button}
</form>`
}

function searchForm({ texts }: Scene, value: string): Html {
  return html`<form class="search" method="get" action="?" role="search">
<div><label for="user">${texts.searchLabel}</label><input id="user" name="user" value="${value}" required maxlength="255" autocomplete="off" spellcheck="false" autocapitalize="none"></div>
<button>${texts.search}</button>
</form>`
}

function noticeOf({ notice }: Scene): Html | undefined {
  return notice && html`<p class="notice${notice.bad && ' bad'}" role="status">${notice.text}</p>`
}

function stats(found: Survey | undefined, health: Health, { texts, times }: Scene): Html {
  const number = (value: number, exact: boolean) => (exact ? times.number(value) : filled(texts.atLeast, { number: times.number(value) }))
  const one = (name: string, value: string, quality: string) =>
    html`<div class="card"><dt>${name}</dt><dd${quality !== '' && html` class="${quality}"`}>${value}</dd></div>\n`
  const store = health === 'down' ? texts.storeDown : filled(texts.storeMs, { ms: milliseconds(health.ms, times) })
  return html`<section aria-label="${texts.statsTitle}"><dl class="stats">
${found && one(texts.live, number(found.live, found.whole), '')}
${found && one(texts.users, number(found.users, found.whole), '')}
${found && one(texts.active, number(found.active, found.whole), '')}
${one(texts.store, store, health === 'down' ? 'bad' : 'good')}
</dl></section>`
}

const milliseconds = (ms: number, times: Times): string => times.number(ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))

function chartPanel({ sessions }: Survey, { texts, times, now }: Scene): Html {
  const bars = barsOf(
    sessions.map(({ createdAt }) => createdAt),
    now,
  )
  return html`<section class="card panel" aria-labelledby="chart">
<h2 id="chart">${texts.chartTitle}</h2>
${sessions.length === 0 ? html`<p class="quiet">${texts.chartEmpty}</p>` : chart(bars, texts, times)}
</section>`
}

function recent(sessions: readonly SitePageSession[], scene: Scene): Html {
  const { texts } = scene
  const last = [...sessions].sort((a, b) => b.touchedAt - a.touchedAt).slice(0, ROWS)
  return html`<section class="card panel" aria-labelledby="recent">
<h2 id="recent">${texts.recentTitle}</h2>
<table class="rows">
<thead><tr><th scope="col">${texts.user}</th><th scope="col">${texts.device}</th><th scope="col">${texts.lastSeen}</th><th scope="col"><span class="vh">${texts.action}</span></th></tr></thead>
<tbody>
${last.map(session => row(session, scene))}
</tbody>
</table>
</section>`
}

function row(session: SitePageSession, scene: Scene): Html {
  const { texts } = scene
  const { userId, handle, current } = session
  const { name, place } = nameOf(session, texts.unknownDevice)
  const user = labelOf(userId)
  return html`<tr>
<th scope="row"><a href="?${new URLSearchParams({ user: userId }).toString()}">${user}</a>${current && html` <span class="badge">${texts.you}</span>`}</th>
<td>${name}${place !== '' && html` <span class="quiet">· ${place}</span>`}</td>
<td class="quiet">${lastSeen(session, scene)}</td>
<td class="act">${form(scene, { user: userId, handle }, html`<button name="do" value="one">${texts.signOut}<span class="vh"> ${user}, ${name}${place !== '' && `, ${place}`}</span></button>`)}</td>
</tr>
`
}

function lastSeen({ touchedAt }: PageSession, { texts, times, now }: Scene): string {
  return now - touchedAt < ACTIVE_MS ? texts.activeNow : times.ago(touchedAt, now)
}

function sessionCard(session: PageSession, userId: string, scene: Scene): Html {
  const { texts, times, now } = scene
  const { handle, current } = session
  const { name, place } = nameOf(session, texts.unknownDevice)
  return html`<li class="card device">
<span class="icon">${deviceIcon(name)}</span>
<div>
<h2>${name}${current && html` <span class="badge">${texts.you}</span>`}</h2>
${factsOf(session, false, now, texts, times)}
</div>
${form(scene, { user: userId, handle }, html`<button name="do" value="one">${texts.signOut}<span class="vh"> ${name}${place !== '' && `, ${place}`}</span></button>`)}
</li>
`
}

function audit(findings: readonly PageFinding[], { texts, times }: Scene): Html {
  const of = (status: PageFinding['status']) => findings.filter(finding => finding.status === status)
  const counts = { met: times.number(of('met').length), unmet: times.number(of('unmet').length), app: times.number(of('app').length) }
  // What is to be done comes first.
  const sorted = [...of('unmet'), ...of('app'), ...of('met')]
  return html`<section class="card panel" aria-labelledby="audit">
<h2 id="audit">${texts.auditTitle}</h2>
<p class="quiet">${filled(texts.auditSummary, counts)}</p>
<details>
<summary>${texts.auditShow}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="${texts.auditShow}">
<table>
<thead><tr><th scope="col">${texts.auditStatus}</th><th scope="col">${texts.auditRequirement}</th><th scope="col">${texts.auditText}</th></tr></thead>
<tbody>
${sorted.map(
  ({ status, standard, id, about, text }) =>
    html`<tr><td class="status ${status}">${texts[status]}</td><td lang="en">${about} <span class="quiet small">${standard} ${id}</span></td><td lang="en">${text}</td></tr>\n`,
)}
</tbody>
</table>
</div>
</details>
</section>`
}

function everyone(scene: Scene): Html {
  const { texts, token } = scene
  const [before, ...after] = texts.everyoneText.split('{words}')
  const words = html`<strong>${texts.everyoneWords}</strong>`
  return html`<section class="card panel zone" aria-labelledby="everyone">
<h2 id="everyone">${texts.everyoneTitle}</h2>
<p class="quiet" id="everyone-text">${before}${after.map(text => html`${words}${text}`)}</p>
<form method="post" action="?">
${token !== undefined && html`<input type="hidden" name="${TOKEN_FIELD}" value="${token}">`}
<div><label for="confirm">${texts.everyoneLabel}</label><input id="confirm" name="confirm" aria-describedby="everyone-text" required autocomplete="off" spellcheck="false" autocapitalize="none"></div>
<button class="danger" name="do" value="everyone">${texts.everyone}</button>
</form>
</section>`
}
