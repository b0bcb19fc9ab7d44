import { html } from './html.mjs'
import { layout } from './layout.mjs'

/** For whoever is signed in: where, and what to do next. */
export function signedInPage({ name, device, count, address, ...scene }) {
  const main = html`
    <section class="card" aria-labelledby="user-title">
      <h2 id="user-title">Signed in</h2>
      <form method="post" action="/devices/sign-out" class="row">
        <p class="who">You are <strong id="user">${name}</strong>${device && html` on <strong>${device}</strong>`}.</p>
        <button>Sign out</button>
      </form>
      <p class="hint" id="count">${count === 1 ? 'You are signed in nowhere else.' : `You are signed in on ${count} devices, this one included.`}</p>
    </section>
    <section class="card tall" aria-labelledby="next-title">
      <h2 id="next-title">What to do next</h2>
      ${steps([
        html`Open <code>${address}</code> in another browser or a private window, and sign in with the same name.`,
        html`Open the list of your devices in both, by the button below: each has both.`,
        html`Sign one out from the other, and watch its window. It says so within a second, without a reload; its next request is told why.`,
      ])}
      <p class="row"><a class="button primary" href="/account">List of your devices</a></p>
    </section>
    <section class="card" aria-labelledby="all-title">
      <h2 id="all-title">For those who run the site</h2>
      <p>All sessions at a glance: whose they are, how the store is, what an audit finds; and how to sign out a user, or everyone.</p>
      <p class="row"><a class="button" href="/admin">All sessions</a></p>
      <p class="hint">
        In this demo whoever is signed in on the computer that it runs on may see this page and use it; to everybody else it is not there. A
        real site asks for more: a role, and a second factor.
      </p>
    </section>`
  return page({ title: `Holdfast demo: ${name}’s devices`, main, script: '/devices.js', ...scene })
}

/** For whoever is not, with the reason where the session of this request has ended elsewhere. */
export function signedOutPage({ reason, cookieIsMissing, error, entered, address, ...scene }) {
  const main = html`
    ${reason && ended(reason)}
    ${cookieIsMissing && notKept()}
    <section class="card" aria-labelledby="sign-in-title">
      <h2 id="sign-in-title">Sign in</h2>
      <form method="post" action="/devices/sign-in" class="stack">
        <div>
          <label for="name">Name</label>
          <input id="name" name="name" value="${entered}" required maxlength="40" autocomplete="nickname" autocapitalize="none" spellcheck="false"
            ${error && html`aria-invalid="true" aria-describedby="name-error" autofocus`}>
          ${error && html`<p class="error" id="name-error">${error}</p>`}
        </div>
        <label class="check"><input type="checkbox" name="only" value="yes"> Sign me out on all other devices</label>
        <button class="primary">Sign in</button>
      </form>
      <p class="hint"><strong>Any name will do, there is no password:</strong> this is a demo, and whoever knows the name is you. A real site checks a password or a passkey first.</p>
    </section>
    <section class="card" aria-labelledby="next-title">
      <h2 id="next-title">What there is to see</h2>
      ${steps([
        html`Sign in here.`,
        html`Open <code>${address}</code> in another browser or a private window, and sign in with the same name.`,
        html`Both are in the list of your devices. Sign one out from the other, and watch its window.`,
      ])}
    </section>`
  return page({ title: reason ? 'Holdfast demo: signed out' : 'Holdfast demo: your devices', main, ...scene })
}

/** Where users prove once more who they are, before they may end other sessions. `search` says where it goes on. */
export function confirmPage(search) {
  const main = html`
    <section class="card" aria-labelledby="confirm-title">
      <h2 id="confirm-title">Is it you?</h2>
      <p>A real site asks for the password or the passkey here. The demo has none, and takes your word.</p>
      <form method="post" action="/devices/confirm${search}" class="actions">
        <button class="primary">Yes, it is me</button>
        <a class="button" href="/devices">Back</a>
      </form>
    </section>`
  return layout({ part: '/devices', title: 'Holdfast demo: is it you?', main })
}

const why = {
  revoked: 'this device was signed out from another one of yours, or on the page of all sessions',
  evicted: 'you have signed in on another device',
  expired: 'it was not used for too long',
}

function ended(reason) {
  return html`
    <div class="verdict ended" id="ended" role="status">
      <p class="request"><code>goneReason()</code> says <code>${reason}</code></p>
      <p><strong>Signed out:</strong> ${Object.hasOwn(why, reason) ? why[reason] : 'this session has ended'}.</p>
    </div>`
}

function notKept() {
  return html`
    <div class="verdict ended" role="status">
      <p>
        <strong>Your browser has not kept the cookie.</strong> It is <code>Secure</code>, and Safari keeps such cookies over https only. Use
        Chrome or Firefox on <code>http://localhost</code>, or start the demo by <code>NODE_ENV=development npm run demo</code>.
      </p>
    </div>`
}

const steps = texts => html`<ol class="steps">${texts.map(text => html`<li>${text}</li>`)}</ol>`

function page({ opened, cookieName, ...parts }) {
  const footer = html`
    <p>
      <strong>Native mode</strong>, cookie <code>${cookieName}</code>, store: <code>${opened.name}</code>, ${opened.place}. A session ends
      after 30 minutes without use, and after 12 hours in any case.
    </p>
    <p>${parts.script ? 'One script waits for the end of your session, and reloads the page then. Everything works without it.' : 'This page runs no script and loads nothing from elsewhere.'}</p>`
  return layout({ part: '/devices', badge: 'Native mode', footer, ...parts })
}
