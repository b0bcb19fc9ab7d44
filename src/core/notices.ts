/** What a mode cannot promise, said once at start. `--disable-warning=<code>` silences it. */
export interface Notice {
  code: string
  text: string
}

export const COOKIE_MODE: Notice = {
  code: 'HOLDFAST_COOKIE_MODE',
  text:
    'sessions live in the cookie: of two overlapping responses the browser keeps the later one whole, and a copied cookie is good until it expires, ' +
    'also after a logout. With a Holdfast store neither is so.',
}

/** With the option `revocations`: a copied cookie is no matter any more. */
export const REVOCABLE_COOKIE_MODE: Notice = {
  code: 'HOLDFAST_COOKIE_MODE',
  text: 'sessions live in the cookie: of two overlapping responses the browser keeps the later one whole. With a Holdfast store that is not so.',
}

export const PEER_STORE: Notice = {
  code: 'HOLDFAST_PEER_STORE',
  text:
    'a store with get, set and destroy cannot compare before it writes: overlapping requests overwrite each other, and it sees ids as they are. ' +
    'With a Holdfast store neither is so.',
}
