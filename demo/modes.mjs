export const day = 24 * 60 * 60 * 1000

/** The visitor's choice, in a plain cookie: it decides nothing that would need a signature. */
export const MODE_COOKIE = 'holdfast.demo.mode'

export const modeOf = ctx => (ctx.cookies.get(MODE_COOKIE, { signed: false }) === 'store' ? 'store' : 'cookie')

/** The two ways to keep a session. `property` is the name on Koa's ctx. */
export const modes = {
  cookie: { title: 'Cookie mode', property: 'session', cookieName: 'holdfast.demo' },
  store: { title: 'Store mode', property: 'stored', cookieName: 'holdfast.demo.id' },
}

/** The two in the words of the page: what each promises, and what it cannot. */
export function wordsOf(mode, store) {
  return mode === 'cookie' ? cookieWords : storeWords(store)
}

const cookieWords = {
  where: 'The session itself is in the cookie, signed. The server keeps nothing.',
  holds: [
    'A restart changes nothing for you: the cookie is with you, and the server keeps its keys.',
    'A forged or altered cookie is refused.',
  ],
  cannot: [
    'A copied cookie stays valid after you log out, until it expires: there is no list on the server to strike it from.',
    'The cookie is signed, not encrypted: whoever holds it can read what is in the session.',
    'When two answers overlap, the browser keeps the later cookie whole. What the other one wrote is lost.',
  ],
  proof: 'You are logged in again.',
}

const reach = {
  'one process': ['It is forgotten when the server restarts, and serves one process.'],
  'one machine': ['The processes that share it must run on one machine.'],
  'any machine': ['While the database is away nobody has a session: an error page, and never a “saved” that is not so.'],
}

function storeWords({ place, on }) {
  const restart =
    on === 'any machine'
      ? 'A restart of this server changes nothing for you. One of the database neither, as far as it is set up to keep what it has acknowledged.'
      : 'A restart changes nothing for you: what has been answered is on the disk.'
  return {
    where: `The cookie holds a random id and nothing else. The session is in ${place}.`,
    holds: [
      'Requests that overlap lose nothing of each other’s: what each has changed is there, and twenty increments by update() give twenty.',
      'Logging out ends the session on the server: a copied cookie is worthless at once, and no slow request brings it back to life.',
      'A log-in changes the id, in one step: an id that somebody planted before it leads nowhere.',
      ...(on === 'one process' ? [] : [restart]),
      'The store sees no id, only a hash of it: who can read the database cannot log in with it.',
    ],
    cannot: [
      'Two requests that change the same key: the later one wins. What must count both belongs into update().',
      'Until you log out, whoever copies the cookie is you.',
      ...reach[on],
    ],
    proof: 'You stay logged out.',
  }
}
