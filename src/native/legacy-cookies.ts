import { nativeFormat } from '../backends/native-format.ts'
import { LegacyReaders, nativeLife } from '../backends/readers.ts'
import { CookieTransport } from '../cookie/transport.ts'
import type { LifetimePolicy } from '../core/lifetime.ts'
import type { TokenTransport } from '../core/transport.ts'
import { guestDataOf, takenOverUserOf } from './guests.ts'
import { type CreateSessionsOptions, limitOf } from './options.ts'

/** What the option `readers` asks for. It is about cookies: with a store or another transport it is a `TypeError`. */
export function legacyReadersOf<D extends object>(
  options: CreateSessionsOptions<D>,
  transport: TokenTransport,
  policy: LifetimePolicy,
): LegacyReaders | undefined {
  const { readers, rejectIssuedBefore, store, now = () => Date.now() } = options
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
    format: nativeFormat,
    life,
    userOf: takenOverUserOf(options),
    isGuest: guestDataOf(options),
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
