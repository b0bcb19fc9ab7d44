import { Html } from './html.ts'

/** Drawn on 24 by 24, in the colour of the text, and unseen by screen readers: the words beside them say the same. */
const drawn = (paths: string): Html =>
  new Html(
    `<svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${paths}</svg>`,
  )

const DESKTOP = drawn('<rect x="3" y="4" width="18" height="12" rx="2"/><path d="M8.5 20h7M12 16v4"/>')
const PHONE = drawn('<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M11 18.5h2"/>')
const TABLET = drawn('<rect x="4.5" y="2.5" width="15" height="19" rx="2.5"/><path d="M11 18.5h2"/>')
const OTHER = drawn('<circle cx="12" cy="12" r="9"/><path d="M9.7 9.4a2.4 2.4 0 1 1 3.5 2.1c-.8.4-1.2.9-1.2 1.8M12 16.6h.01"/>')

/** The picture of a device, by the words of its label. */
export function deviceIcon(label: string): Html {
  if (/\b(ipad\w*|tablet)\b/i.test(label)) return TABLET
  if (/\b(iphone|ipod|ios|android|mobile|phone)\b/i.test(label)) return PHONE
  return /\b(linux|ubuntu|fedora|debian|windows|macos|mac|chrome ?os|cros|bsd|freebsd|openbsd)\b/i.test(label) ? DESKTOP : OTHER
}
