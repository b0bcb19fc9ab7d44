import { contentHash } from '../crypto/content-hash.ts'
import { Html, html } from './html.ts'
import type { PageAnswer } from './port.ts'
import { STYLE } from './style.ts'

export interface Look {
  locale: string
  title: string
  /** The page's own script; it must work without it. */
  script?: string | undefined
  wide?: boolean | undefined
  status?: number | undefined
}

const STYLE_HASH = contentHash(STYLE)

/** What every answer of a page says, whoever asks: it is kept nowhere, framed nowhere, and nothing but its own parts runs in it. */
const DISCREET: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // Not `no-referrer`: with it, browsers send `Origin: null` along with forms.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Style and script stand in the page and are named by their hashes: nothing that a text could smuggle in has one. */
function policyOf(script: string | undefined): string {
  return [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    ...(script === undefined ? [] : [`script-src ${contentHash(script)}`, "connect-src 'self'"]),
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

/** A whole page. `content` is what stands in `<main>`. */
export function document(content: Html, { locale, title, script, wide, status = 200 }: Look): PageAnswer {
  const page = html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main${wide ? html` class="wide"` : null}>
${content}
</main>${
    script === undefined
      ? null
      : html`
<script>${new Html(script)}</script>`
  }
</body>
</html>
`
  return {
    status,
    headers: { ...DISCREET, 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policyOf(script) },
    body: page.text,
  }
}

/** Words, and one way on. */
export function words(title: string, text: string, link: { url: string; text: string } | undefined, look: Omit<Look, 'title'>): PageAnswer {
  const content = html`<div class="words">
<h1>${title}</h1>
<p class="lead">${text}</p>
${link && html`<a class="button primary" href="${link.url}">${link.text}</a>`}
</div>`
  return document(content, { ...look, title })
}

/** To another address, by GET (RFC 9110, 15.4.4). `?…` is this page, whatever stands before it. */
export function seeOther(location: string): PageAnswer {
  return { status: 303, headers: { ...DISCREET, Location: location }, body: '' }
}

/** An answer without a page. */
export function plainly(status: number, body: string, headers: Record<string, string> = {}): PageAnswer {
  return { status, headers: { ...DISCREET, 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body }
}

/** Server-sent events (HTML, 9.2): neither kept nor held back nor packed by what stands between. */
export function eventStream(body: Exclude<PageAnswer['body'], string>): PageAnswer {
  return {
    status: 200,
    headers: {
      ...DISCREET,
      'Cache-Control': 'no-store, no-transform',
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
    },
    body,
  }
}
