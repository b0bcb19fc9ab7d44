/** All values that a Cookie header has under a name, in its order. Names are compared octet by octet, never decoded. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (!header?.includes(`${name}=`)) return values
  for (const part of header.split(';')) {
    const pair = trimBlanks(part)
    if (!setsCookie(pair, name)) continue
    const value = trimBlanks(pair.slice(name.length + 1))
    values.push(value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value)
  }
  return values
}

/** Space and tab are blanks (RFC 6265bis, section 5.6), a no-break space is part of a name. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text, start)) start++
  while (end > start && isBlank(text, end - 1)) end--
  return text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}

/** Whether a Set-Cookie line or a pair of a Cookie header is about the cookie of this name. */
export function setsCookie(line: string, name: string): boolean {
  return line.startsWith(name) && line[name.length] === '='
}
