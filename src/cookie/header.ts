/** All values that a Cookie header has under a name, in its order. Names are compared octet by octet, never decoded. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (!header) return values
  const mark = `${name}=`
  for (let at = header.indexOf(mark); at !== -1; at = header.indexOf(mark, at + 1)) {
    if (!beginsPair(header, at, isBlank)) continue
    const value = trimBlanks(valueAt(header, at + mark.length))
    values.push(value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value)
  }
  return values
}

/** The first value under a name as the cookies package finds it: only a space is a blank there, and quotes are left to the caller. */
export function firstCookie(header: string, name: string): string | undefined {
  const mark = `${name}=`
  for (let at = header.indexOf(mark); at !== -1; at = header.indexOf(mark, at + 1)) {
    if (beginsPair(header, at, isSpace)) return valueAt(header, at + mark.length)
  }
  return undefined
}

/** Whether a pair begins here: there is nothing but blanks before it. */
function beginsPair(header: string, at: number, blank: (text: string, at: number) => boolean): boolean {
  let before = at - 1
  while (before >= 0 && blank(header, before)) before--
  return before < 0 || header[before] === ';'
}

function valueAt(header: string, start: number): string {
  const end = header.indexOf(';', start)
  return end === -1 ? header.slice(start) : header.slice(start, end)
}

/** Space and tab are blanks (RFC 6265bis, section 5.6), a no-break space is part of a name. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text, start)) start++
  while (end > start && isBlank(text, end - 1)) end--
  return end - start === text.length ? text : text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}

function isSpace(text: string, at: number): boolean {
  return text[at] === ' '
}

/** Whether a Set-Cookie line or a pair of a Cookie header is about the cookie of this name. */
export function setsCookie(line: string, name: string): boolean {
  return line.startsWith(name) && line[name.length] === '='
}
