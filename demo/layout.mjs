import { html, toText } from './html.mjs'

const parts = {
  '/peek': {
    name: 'One session',
    skip: 'Skip to the session',
    heading: 'One session, in plain sight',
    lead: html`Every answer says what is in your session, whether it was saved, and why. Then see it <a href="/devices">on several devices</a>.`,
  },
  '/devices': {
    name: 'Your devices',
    skip: 'Skip to your devices',
    heading: 'One account, several devices',
    lead: html`Sign in on two, see both, sign one out from the other, and watch it happen.`,
  },
}

/** A whole page of one of the demo's parts. `badge` stands beside the demo's name, `script` is the address of a script that it works without. */
export function layout({ part, title, main, footer, badge, script }) {
  const { skip, heading, lead } = parts[part]
  return toText(html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/style.css">
    ${script && html`<script src="${script}" defer></script>`}
  </head>
  <body>
    <a class="skip" href="#main">${skip}</a>
    <header class="top">
      <div class="wide">
        <p class="brand"><img src="/favicon.svg" alt="" width="30" height="30"> Holdfast <span>demo</span></p>
        ${badge && html`<p class="badge">${badge}</p>`}
        <nav aria-label="Parts of the demo">
          ${Object.entries(parts).map(
            ([path, { name }]) => html`<a href="${path}"${path === part && html` aria-current="page"`}>${name}</a>`,
          )}
        </nav>
      </div>
    </header>
    <main id="main" class="wide" tabindex="-1">
      <div class="intro">
        <h1>${heading}</h1>
        <p>${lead}</p>
      </div>
      <div class="cards">${main}
      </div>
    </main>
    <footer class="bottom"><div class="wide">${footer}</div></footer>
  </body>
</html>
`)
}

/** A page that says one thing. */
export function messagePage(title, text) {
  const main = html`
    <section class="card" aria-labelledby="message-title">
      <h2 id="message-title">${title}</h2>
      <p>${text}</p>
      <p class="actions"><a class="button primary" href="/peek">Back to the session</a></p>
    </section>`
  return layout({ part: '/peek', title: `Holdfast demo: ${title}`, main })
}
