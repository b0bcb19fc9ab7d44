/** The headers of a request, as far as a transport needs them. Names in any case. */
export type ReadHeader = (name: string) => string | undefined

/** The headers of a web-standard request. */
export interface WebHeaders {
  get(name: string): string | null
}

/** The same, as transports read them. */
export function webHeadersOf(headers: WebHeaders): ReadHeader {
  return name => headers.get(name) ?? undefined
}

/** The headers of a response that has not been sent. */
export interface ResponseHeaders {
  get(name: string): string | number | readonly string[] | undefined
  set(name: string, value: string | readonly string[]): void
}

/** Of several tokens under one name, how many are verified: who can set cookies must not make the server work. */
export const MOST_TOKENS = 4

/** How a token travels between browser and server. */
export interface TokenTransport {
  /** The token; a list where the client has sent several under one name: which of them counts is found out by verifying them. */
  read(header: ReadHeader): string | readonly string[] | undefined
  /** `expiresAt` in ms since the epoch; absent: the browser forgets the token when it closes. `request` tells what it has now. */
  write(headers: ResponseHeaders, token: string, expiresAt?: number, request?: ReadHeader): void
  /** Makes the browser forget the token. */
  clear(headers: ResponseHeaders, request?: ReadHeader): void
  /** The request header that answers depend on, for `Vary`. */
  readonly vary?: string
  /** Whether browsers keep the token over https only. */
  readonly secure?: boolean
  /** The name of the cookie that it writes, if it does. */
  readonly cookieName?: string
}

/**
 * Sends the token in a header of this name, for clients that keep no cookies. It never emits Set-Cookie.
 *
 * @example
 * createSessions({ keys, store, transport: headerTransport('x-session-token') })
 */
export function headerTransport(name: string): TokenTransport {
  if (!/^[\w-]+$/.test(name)) throw new TypeError('headerTransport: name must be a header name')
  return {
    vary: name,
    read: header => header(name.toLowerCase()),
    write: (headers, token) => headers.set(name, token),
    clear: headers => headers.set(name, ''),
  }
}
