import { html } from './html.mjs'
import { layout } from './layout.mjs'
import { modes, wordsOf } from './modes.mjs'
import { REQUESTS } from './overlap.mjs'

/** The page: what is in the session, what this answer did with it, and what the chosen mode can and cannot promise. */
export function sessionPage({ mode, opened, data, outcome, previous, request, error, entered }) {
  const { views = 0, user } = data ?? {}
  const { title, cookieName } = modes[mode]
  const main = html`
    <section class="card counter" aria-labelledby="views-title">
      <h2 id="views-title">Views</h2>
      <p class="count"><output id="views">${views}</output> <span>${views === 1 ? 'view' : 'views'} in this session</span></p>
      <p class="hint">Only <code>GET /</code> counts. The second button asks for the same page and changes nothing.</p>
      <p class="actions">
        <a class="button primary" href="/">Reload and count</a>
        <a class="button" href="/peek">Reload without counting</a>
      </p>
    </section>
    ${outcomeCard(outcome, previous, request)}
    ${dataCard(data)}
    ${user === undefined ? loginCard(mode, error, entered) : userCard(user)}
    ${modeCard(mode, opened)}
    ${overlapCard(previous?.results)}`
  const footer = html`
    <p>
      <strong>${title}</strong>, cookie <code>${cookieName}</code>, store:
      ${mode === 'store' ? html`<code>${opened.name}</code>, ${opened.place}` : 'none, the record is in the cookie'}.
      A session lasts one day from its last save.
    </p>
    <p>This page runs no script and loads nothing from elsewhere.</p>`
  return layout({ part: '/peek', title: user === undefined ? 'Holdfast demo' : `Holdfast demo: ${user}`, main, footer, badge: title })
}

function outcomeCard({ verdict, reason, cookies, storeCalls }, previous, request) {
  return html`
    <section class="card outcome" aria-labelledby="outcome-title">
      <h2 id="outcome-title">What this answer did</h2>
      ${previous && verdictLine(previous.request, ' came before this one and sent you here', previous, 'previous')}
      ${verdictLine(request, '', { verdict, reason }, 'outcome')}
      <dl class="facts">
        <div>
          <dt>Set-Cookie</dt>
          <dd>${cookies.length > 0 ? cookies.map(line => html`<code>${line}</code>`) : 'none'}</dd>
        </div>
        <div>
          <dt>Store calls</dt>
          <dd>${storeCalls === null ? 'no store in this mode' : storeCalls.length > 0 ? storeCalls.map(call => html`<code>${call}</code>`) : 'none'}</dd>
        </div>
      </dl>
    </section>`
}

function verdictLine(request, remark, { verdict, reason }, id) {
  const kind = { Saved: 'saved', 'Not saved': 'unsaved', Ended: 'ended' }[verdict]
  return html`
    <div class="verdict ${kind}" id="${id}">
      <p class="request"><code>${request}</code>${remark}</p>
      <p><strong>${verdict}:</strong> ${reason}.</p>
    </div>`
}

function dataCard(data) {
  const entries = Object.entries(data ?? {})
  const table = html`
    <table id="data">
      <thead>
        <tr><th scope="col">Key</th><th scope="col">Value</th></tr>
      </thead>
      <tbody>
        ${entries.map(([key, value]) => html`<tr><th scope="row"><code>${key}</code></th><td><pre>${JSON.stringify(value, null, 1).replace(/\n */g, ' ')}</pre></td></tr>`)}
      </tbody>
    </table>`
  return html`
    <section class="card" aria-labelledby="data-title">
      <h2 id="data-title">In the session now</h2>
      ${entries.length > 0 ? table : html`<p class="empty" id="data">Nothing. An empty session is not saved and sets no cookie.</p>`}
    </section>`
}

function loginCard(mode, error, entered) {
  return html`
    <section class="card" aria-labelledby="login-title">
      <h2 id="login-title">Log in</h2>
      <form method="post" action="/login">
        <label for="name">Name</label>
        <div class="row">
          <input id="name" name="name" value="${entered}" required maxlength="40" autocomplete="nickname" spellcheck="false"
            ${error && html`aria-invalid="true" aria-describedby="name-error" autofocus`}>
          <button class="primary">Log in</button>
        </div>
        ${error && html`<p class="error" id="name-error">${error}</p>`}
      </form>
      <p class="hint">Any name will do, there is no password.${mode === 'store' && ' The session gets a new id before the name goes into it.'}</p>
    </section>`
}

function userCard(user) {
  return html`
    <section class="card" aria-labelledby="login-title">
      <h2 id="login-title">Logged in</h2>
      <form method="post" action="/logout" class="row">
        <p class="who">You are <strong id="user">${user}</strong>.</p>
        <button>Log out</button>
      </form>
      <p class="hint">Logging out ends the whole session, the view counter included.</p>
    </section>`
}

function modeCard(mode, opened) {
  const { cookieName } = modes[mode]
  const { where, holds, cannot, proof } = wordsOf(mode, opened)
  return html`
    <section class="card mode" aria-labelledby="mode-title">
      <h2 id="mode-title">Where the session lives</h2>
      <form method="post" action="/mode">
        <div class="switch" role="group" aria-labelledby="mode-title">
          ${Object.entries(modes).map(
            ([name, { title }]) => html`<button name="mode" value="${name}" aria-pressed="${String(name === mode)}">${title}</button>`,
          )}
        </div>
      </form>
      <p>${where}</p>
      <div class="promises">
        <div>
          <h3>It promises</h3>
          <ul class="holds">${holds.map(text => html`<li>${text}</li>`)}</ul>
        </div>
        <div>
          <h3>It cannot promise</h3>
          <ul class="cannot">${cannot.map(text => html`<li>${text}</li>`)}</ul>
        </div>
      </div>
      <p class="hint"><strong>See it yourself:</strong> in your browser's tools, copy <code>${cookieName}</code> and <code>${cookieName}.sig</code>, log out, put them back. ${proof}</p>
    </section>`
}

function overlapCard(results) {
  const names = Object.keys(modes)
  const row = (what, of) => html`
        <tr>
          <th scope="row">${what}</th>
          ${names.map(name => html`<td>${results ? tally(of(results[name] ?? {}), of(results[name]?.failed ?? {})) : 'not tried yet'}</td>`)}
        </tr>`
  return html`
    <section class="card overlap" id="overlap" aria-labelledby="overlap-title">
      <h2 id="overlap-title">Twenty requests at once</h2>
      <p>
        The server sends itself ${REQUESTS} requests in your name, with your cookie. Each waits until all of them have your session, then each
        writes a key of its own into it. After that ${REQUESTS} more do <code>update(draft => draft.total++)</code>. What is left of them?
      </p>
      <table id="results">
        <thead>
          <tr><th scope="col">Sent at once</th>${names.map(name => html`<th scope="col">${modes[name].title}</th>`)}</tr>
        </thead>
        <tbody>
          ${row(`${REQUESTS} keys`, ({ writes }) => writes)}
          ${row(`${REQUESTS} increments`, ({ total }) => total)}
        </tbody>
      </table>
      <form method="post" action="/overlap" class="row">
        <button class="primary">Send them in both modes</button>
      </form>
      <p class="hint">Nothing is staged: in cookie mode each answer carries a whole session, and a browser keeps the last. With a store, whoever comes second is told so and merges.</p>
    </section>`
}

/** What was answered by an error was never said to be saved. Its change may be there all the same, so that no more is missing than that. */
function tally(count, failed = 0) {
  if (count === undefined) return html`<span class="lost">no answer</span>`
  const lost = Math.max(REQUESTS - failed - count, 0)
  const aside = [lost > 0 && `${lost} lost`, failed > 0 && `${failed} refused`].filter(Boolean).join(', ')
  return html`<span class="${lost === 0 ? 'kept' : 'lost'}">${count} of ${REQUESTS}</span>${aside && html` <span class="aside">${aside}</span>`}`
}
