/** Text from a client, fit for a log: cut to 64 octets, controls and non-ASCII escaped. */
export function escapeText(text: string): string {
  let out = ''
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    const piece = code >= 0x20 && code < 0x7f ? char : `\\u{${code.toString(16)}}`
    if (out.length + piece.length > 64) return `${out}…`
    out += piece
  }
  return out
}
