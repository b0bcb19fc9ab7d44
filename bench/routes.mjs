// What every subject does: the same work with a session, and the same answers.

const since = new Date(1_760_000_000_000)

/** A session of about 200 octets of JSON. */
function small(user) {
  return {
    user: { id: `u-${10_000 + user}`, name: `Ann Example ${user}` },
    roles: ['customer', 'editor'],
    cart: [{ sku: `B-${2000 + user}`, quantity: 2, price: 1995 }],
    flash: 'Welcome back',
    since: since.toISOString(),
  }
}

/** One of about 2 KB: the same with a fuller cart and what was looked at. */
function large(user) {
  const data = small(user)
  for (let n = 0; n < 14; n++)
    data.cart.push({ sku: `B-${3000 + n}`, name: `Article number ${n}, in blue`, quantity: n + 1, price: 995 + n })
  data.viewed = Array.from({ length: 13 }, (_, n) => ({
    path: `/articles/${4000 + n}`,
    at: new Date(since.getTime() + n * 61_000).toISOString(),
  }))
  return data
}

/**
 * Each route by its path: it gets what has the session, Koa's context or a request, and gives the answer's text.
 * @type {Record<string, (holder: { session: any, query: Record<string, string> }) => string>}
 */
export const routes = {
  '/idle': () => 'idle',
  '/read': ({ session }) => {
    const { user, roles, cart, flash } = session
    return user ? `${user.name}, ${roles[0]}: ${cart.length} in the cart. ${flash}` : 'nobody'
  },
  '/write': ({ session }) => {
    session.count = (session.count ?? 0) + 1
    return `${session.count} times`
  },
  '/create': ({ session }) => {
    session.landed = '/articles/4001'
    session.count = 0
    return 'created'
  },
  '/seed200': ({ session, query }) => {
    Object.assign(session, small(Number(query.user)))
    return 'seeded'
  },
  '/seed2k': ({ session, query }) => {
    Object.assign(session, large(Number(query.user)))
    return 'seeded'
  },
}

/** Those that change the session, for what must be told to save it. */
export const changing = new Set(['/write', '/create', '/seed200', '/seed2k'])

/** What stands in a session's place where there is none. */
export const constantSession = () => small(0)

/** What `/read` answers to a user who was seeded. */
export const readAnswer = (seed, user) => routes['/read']({ session: seed === '/seed2k' ? large(user) : small(user) })

export const seeds = { '/seed200': small, '/seed2k': large }

/** Secrets of at least 32 octets, newest first. */
export const KEYS = ['the newest secret of the benchmark, long enough', 'an older secret of the benchmark, long enough']
