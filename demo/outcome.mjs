const WRITES = ['create', 'save', 'replace']

/**
 * What one answer did with the session, from what was observed: the data before and after the handler, the Set-Cookie lines that the
 * answer really carries, and the calls that the store really got. Never from a guess, and never with an id or a cookie's value in it.
 */
export function outcomeOf({ cookieName, requestCookie, setCookie, storeCalls, before, after, wasNew }) {
  const line = setCookie.find(text => text.startsWith(`${cookieName}=`))
  const value = line?.slice(cookieName.length + 1).split(';', 1)[0]
  const cookie = line === undefined ? 'none' : value === '' ? 'cleared' : 'sent'
  const written = storeCalls ? storeCalls.some(call => WRITES.includes(call)) : cookie === 'sent'
  const newId = Boolean(storeCalls && cookie === 'sent' && requestCookie && value !== requestCookie)
  const facts = {
    cookies: setCookie.filter(text => text.startsWith(`${cookieName}=`) || text.startsWith(`${cookieName}.sig=`)).map(withoutValue),
    storeCalls: storeCalls ?? null,
  }
  if (after === null && (cookie === 'cleared' || storeCalls?.includes('delete'))) {
    return {
      verdict: 'Ended',
      reason: `the session was destroyed${storeCalls ? ', its record deleted' : ''} and the cookie cleared`,
      ...facts,
    }
  }
  const changes = changesBetween(before ?? {}, after ?? {})
  const what = changes.join(', ') || (newId ? 'the session got a new id' : 'nothing changed')
  if (written) {
    const how =
      cookie === 'none' ? 'no cookie was sent' : requestCookie ? 'the cookie was sent again' : 'the cookie was sent for the first time'
    return { verdict: 'Saved', reason: `${what}; ${how}${newId && changes.length > 0 ? ', with a new id in it' : ''}`, ...facts }
  }
  if (changes.length > 0) return { verdict: 'Not saved', reason: `${what}, but the answer carries no cookie`, ...facts }
  const why = wasNew ? 'the session is new and empty' : 'nothing changed'
  return { verdict: 'Not saved', reason: `${why}, no cookie sent`, ...facts }
}

function changesBetween(before, after) {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap(key => {
    const [was, is] = [JSON.stringify(before[key]), JSON.stringify(after[key])]
    if (was === is) return []
    if (was === undefined) return `${key} set to ${is}`
    return is === undefined ? `${key} removed` : `${key} changed from ${was} to ${is}`
  })
}

function withoutValue(line) {
  const [pair = '', ...attributes] = line.split(/; */)
  const equals = pair.indexOf('=')
  const length = pair.length - equals - 1
  return [`${pair.slice(0, equals)}=${length === 0 ? '' : `(${length} characters)`}`, ...attributes].join('; ')
}
