// The client's part: what a browser sends, and what it keeps of the answers.

const HEADERS = [
  ['Host', 'shop.example.com'],
  ['Connection', 'keep-alive'],
  ['Cache-Control', 'max-age=0'],
  ['Upgrade-Insecure-Requests', '1'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
  ['Referer', 'https://shop.example.com/'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Accept-Language', 'en-GB,en;q=0.9'],
]
  .flat()
  .map(text => Buffer.from(text))
const COOKIE = Buffer.from('Cookie')

/** Strings that nobody has seen before, as a parser makes them: no identity, hash or number is known of them. */
const fresh = octets => octets.toString('latin1')

export class Browser {
  #cookies
  #header

  /** @param {Iterable<[string, string]>} [cookies] */
  constructor(cookies = []) {
    this.#cookies = new Map(cookies)
    this.#write()
  }

  get cookies() {
    return [...this.#cookies]
  }

  /** The next request's own strings. */
  request(url) {
    const rawHeaders = HEADERS.map(fresh)
    if (this.#header) rawHeaders.push(fresh(COOKIE), fresh(this.#header))
    return { url: fresh(Buffer.from(url)), rawHeaders }
  }

  /** Takes over what an answer sets. */
  follow(answer) {
    const set = cookiesSet(answer)
    if (set.length === 0) return
    for (const [name, value] of set) {
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    this.#write()
  }

  #write() {
    const pairs = this.cookies.map(cookie => cookie.join('='))
    this.#header = pairs.length === 0 ? undefined : Buffer.from(pairs.join('; '))
  }
}

const endOfHead = answer => answer.indexOf('\r\n\r\n')

export const bodyOf = answer => answer.slice(endOfHead(answer) + 4)

/** Names and values of an answer's cookies. */
export function cookiesSet(answer) {
  const head = answer.slice(0, endOfHead(answer))
  return Array.from(head.matchAll(/^set-cookie: ([^=\r]+)=([^;\r]*)/gim), ([, name, value]) => [name, value])
}
