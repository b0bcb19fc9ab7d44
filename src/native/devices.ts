import { timers } from '../backends/timers.ts'
import { type Asker, type Device, type LoginFacts, labelOf, UNKNOWN_DEVICE } from '../core/login-facts.ts'
import { isPromise, type MaybePromise } from '../core/maybe.ts'
import { mustBeFunction, mustBeKnown, mustBeOneOf } from '../core/options.ts'
import { isIndexedSessionStore } from '../core/store.ts'
import type { Warnings } from '../core/warnings.ts'
import { newLoginName } from '../crypto/handle.ts'
import { addressOf } from '../device/address.ts'

export interface DeviceOptions {
  /** What is kept of the address of a login: its network (`truncated`, the default: /24 of IPv4, /48 of IPv6), all of it, or nothing. */
  ip?: 'truncated' | 'full' | false | undefined
  /**
   * Where an address is, in words such as `Berlin`, asked at each login with the whole address. It may take as long as `storeTimeout`;
   * where it throws, or does not answer, the login goes on without a place. Default none.
   */
  locate?: ((ip: string) => string | undefined | null | PromiseLike<string | undefined | null>) | undefined
}

/** The option `device`: true and an object turn it on, false turns it off. */
export type DeviceOption = boolean | DeviceOptions

/** Refuses what cannot work: whoever cannot list a user's sessions has no use for their devices. */
export function checkDevice(option: DeviceOption | undefined, store: unknown): void {
  if (option === undefined || option === false) return
  if (!isIndexedSessionStore(store)) {
    throw new TypeError("device needs a store that keeps an index, as Holdfast's do: another one cannot list a user's sessions")
  }
  if (option === true) return
  if (typeof option !== 'object' || option === null) throw new TypeError('device must be true, false or { ip, locate }')
  mustBeKnown('device', option, ['ip', 'locate'])
  if (option.ip !== false) mustBeOneOf('device.ip', option.ip, ['truncated', 'full'])
  mustBeFunction('device.locate', option.locate)
}

interface LoginFactsOptions {
  device: DeviceOption
  /** How long `locate` may take, in ms. */
  timeoutMs: number
  warnings: Warnings
}

/** What is kept of each login, by the request that it comes with. */
export function loginFactsBy({ device, timeoutMs, warnings }: LoginFactsOptions): (request: unknown) => MaybePromise<LoginFacts> {
  const { ip: kept = 'truncated', locate } = typeof device === 'object' ? device : {}
  const placeOf = locate && placeBy(locate, timeoutMs, warnings)
  // Read while the process starts, and no login waits for it to be found: by the first one its file may have gone with an old release.
  const naming =
    device === false
      ? undefined
      : import('../device/user-agent.ts').then(
          ({ deviceLabelOf }) => deviceLabelOf,
          () => void warnings.warn('HOLDFAST_DEVICE', 'the names of browsers could not be loaded: devices go without'),
        )
  const deviceOf = async ({ ip: from, userAgent }: Asker): Promise<Device> => {
    const ip = kept === false ? undefined : addressOf(from, kept)
    const whole = placeOf && addressOf(from, 'full')
    const [labelOfAgent, place] = await Promise.all([naming, whole === undefined ? undefined : placeOf?.(whole)])
    const label = labelOfAgent?.(userAgent) ?? UNKNOWN_DEVICE
    return { label, ...(ip !== undefined && { ip }), ...(place !== undefined && { place }) }
  }
  return request => {
    const facts: LoginFacts = { login: newLoginName() }
    const asker = device === false ? undefined : askerOf(request)
    return asker ? deviceOf(asker).then(found => ({ ...facts, device: found })) : facts
  }
}

/** An adapter's part in a request says who asks. A session that code has taken from a store has no request. */
function askerOf(request: unknown): Asker | undefined {
  return (request as { asker?: Asker } | null | undefined)?.asker
}

/** The site's hook, which may take its time, fail or lie: it costs the place, and never the login. */
function placeBy(locate: NonNullable<DeviceOptions['locate']>, timeoutMs: number, warnings: Warnings) {
  const failed = (why: string) => {
    warnings.warn('HOLDFAST_LOCATE', `device.locate ${why}: logins go on without a place`)
    return undefined
  }
  return async (ip: string): Promise<string | undefined> => {
    try {
      const answer = locate(ip)
      const place: unknown = isPromise(answer) ? await inTime(answer, timeoutMs) : answer
      if (place === LATE) return failed(`did not answer within ${timeoutMs} ms`)
      return typeof place === 'string' ? labelOf(place) : undefined
    } catch {
      // What it has thrown may name the address.
      return failed('has thrown')
    }
  }
}

const LATE = Symbol('late')

function inTime<T>(answer: PromiseLike<T>, ms: number): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const callOff = timers.after(ms, () => resolve(LATE))
    const over = (tell: () => void) => {
      callOff()
      tell()
    }
    answer.then(
      value => over(() => resolve(value)),
      error => over(() => reject(error)),
    )
  })
}
