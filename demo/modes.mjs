export const day = 24 * 60 * 60 * 1000

/** The visitor's choice, in a plain cookie: it decides nothing that would need a signature. */
export const MODE_COOKIE = 'holdfast.demo.mode'

export const modeOf = ctx => (ctx.cookies.get(MODE_COOKIE, { signed: false }) === 'store' ? 'store' : 'cookie')

/** The two ways to keep a session, in the words of the page: what each promises, and what it cannot. `property` is the name on Koa's ctx. */
export const modes = {
  cookie: {
    title: 'Cookie mode',
    property: 'session',
    cookieName: 'holdfast.demo',
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
  },
  store: {
    title: 'Store mode',
    property: 'stored',
    cookieName: 'holdfast.demo.id',
    where: 'The cookie holds a random id and nothing else. The session is in a file on the server.',
    holds: [
      'A restart changes nothing for you: each session is a file, written whole or not at all.',
      'Logging out ends the session on the server: a copied cookie is worthless at once.',
      'A log-in changes the id, so an id that somebody planted before it leads nowhere.',
    ],
    cannot: [
      'This store knows get, set and destroy, but no versions: when two requests overlap, the last one to write wins whole.',
      'It serves one process. A file store that several processes can share is planned.',
    ],
    proof: 'You stay logged out.',
  },
}
