import { begin, type LifetimePolicy } from '../core/lifetime.ts'
import { readMarks } from '../core/marks.ts'
import { type LegacyReaders, readersOf } from '../create.ts'
import type { SessionOptions } from './types.ts'
import { DEFAULT_LIFE_MS, koaFormat, lifeOf } from './wire.ts'

const ONE_DAY: LifetimePolicy = { idleMs: DEFAULT_LIFE_MS, absoluteMs: null, touch: 'never' }

/** The readers of a drop-in with `encrypt`: what they take over goes on as koa-session would have it. */
export function koaReaders({ key, path, domain, readers, maxAge }: SessionOptions, policy: LifetimePolicy): LegacyReaders | undefined {
  return readersOf(readers, {
    cookieName: key,
    path,
    domain,
    format: koaFormat,
    life: (wire, now) =>
      wire ? lifeOf(wire, readMarks(wire._holdfast), policy) : begin(ONE_DAY, maxAge === 'session' ? null : maxAge, now),
    now: () => Date.now(),
  })
}
