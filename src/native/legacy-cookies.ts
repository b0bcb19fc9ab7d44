import type { CookieFormat } from '../backends/cookie.ts'
import { nativeFormat } from '../backends/native-format.ts'
import { LegacyReaders, nativeLife } from '../backends/readers.ts'
import { CookieTransport } from '../cookie/transport.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { TokenTransport } from '../core/transport.ts'
import { newSid } from '../crypto/session-id.ts'
import { type CreateSessionsOptions, limitOf } from './options.ts'

/** What is taken over gets a name of its own at once: two that are taken over in the same moment must not end together. */
const withSid: CookieFormat = { ...nativeFormat, encode: (draft, request) => nativeFormat.encode({ ...draft, sid: newSid() }, request) }

/** What the option `readers` asks for. It is about cookies: with a store or another transport it is a `TypeError`. */
export function legacyReadersOf<D extends object>(
  { readers, rejectIssuedBefore, store, now = () => Date.now() }: CreateSessionsOptions<D>,
  transport: TokenTransport,
  policy: LifetimePolicy,
): LegacyReaders | undefined {
  if (readers === undefined) return undefined
  if (store) throw new TypeError('readers take over sessions that lived in a cookie, into the encrypted cookie: with a store there is none')
  if (!(transport instanceof CookieTransport))
    throw new TypeError('readers end cookies on each answer that writes one, and there is a transport')
  const { name: cookieName, path, domain } = transport.written
  const life = nativeLife(policy)
  return new LegacyReaders(readers, {
    cookieName,
    path,
    domain,
    format: withSid,
    life,
    rejectIssuedBefore: limitOf(rejectIssuedBefore),
    now,
  })
}

/** The transport of a site that reads another library's cookies: what writes or clears its own ends theirs (H5). */
export function endingLegacy(transport: TokenTransport, readers: LegacyReaders): TokenTransport {
  const { vary = 'Cookie', secure = true, cookieName = '' } = transport
  return {
    vary,
    secure,
    cookieName,
    read: header => transport.read(header),
    write(headers, token, expiresAt, request) {
      transport.write(headers, token, expiresAt, request)
      readers.endSent(headers, request?.('cookie'))
    },
    clear(headers, request) {
      transport.clear(headers, request)
      readers.endAll(headers)
    },
  }
}
