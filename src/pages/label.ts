/** What a label may have at most, in characters (H23). */
const MOST_CHARACTERS = 80

/** Controls, invisible formatting (a text that turns its neighbours around), halves of characters, and what no font has. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]+/gu

/** A text from outside as a line of a page: printable characters, cut to 80 of them. Empty where nothing is left. */
export function labelOf(text: unknown): string {
  if (typeof text !== 'string') return ''
  // A longer text is cut before it is looked at: what comes from a client costs the same, however long it is.
  const line = text
    .slice(0, 10 * MOST_CHARACTERS)
    .replace(UNPRINTABLE, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const characters = [...line]
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS - 1).join('')}…` : line
}
