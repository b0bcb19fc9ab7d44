import bowser from 'bowser'
import { labelOf, UNKNOWN_DEVICE } from '../core/login-facts.ts'

/** No browser's is longer, and what comes after says nothing of it; so a header of 100 KB costs no more than another one. */
const MOST_CHARACTERS = 512
/** A program's own name, such as `curl` (RFC 9110, 10.1.5: product). Every browser calls itself Mozilla first. */
const PRODUCT = /^(?!Mozilla\b)([A-Za-z][\w.+-]{0,39})(?:[/ ]|$)/

/** What people call the device behind a user agent: `Firefox on Linux`, `Safari on iPhone`. */
export function deviceLabelOf(userAgent: string | undefined): string {
  const text = (userAgent ?? '').slice(0, MOST_CHARACTERS)
  return labelOf(namesIn(text).join(' on ')) ?? UNKNOWN_DEVICE
}

function namesIn(text: string): string[] {
  if (text.trim() === '') return []
  const { browser, os, platform } = bowser.parse(text)
  // Of Apple's telephones and tablets people know the device, and not its system.
  const device = platform.vendor === 'Apple' && platform.model ? platform.model : os.name
  const program = browser.name || PRODUCT.exec(text)?.[1]
  return [program, device].filter(name => name !== undefined && name !== '') as string[]
}
