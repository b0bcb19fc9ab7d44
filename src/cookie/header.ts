/** All values that a Cookie header has under a name, in its order. Names are compared octet by octet, never decoded. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (!header?.includes(`${name}=`)) return values
  for (const part of header.split(';')) {
    const start = part.length - part.trimStart().length
    if (!part.startsWith(name, start) || part[start + name.length] !== '=') continue
    const value = part.slice(start + name.length + 1).trim()
    values.push(value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value)
  }
  return values
}

/** Whether a Set-Cookie line sets the cookie of this name. */
export function setsCookie(line: string, name: string): boolean {
  return line.startsWith(name) && line[name.length] === '='
}
