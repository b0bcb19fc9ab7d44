import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { mustBeFunction, mustBeKnown } from '../core/options.ts'
import type { DefaultData } from '../core/session-data.ts'
import { processWarnings } from '../create.ts'
import { begin } from '../express/begin.ts'
import { csrf as guard } from '../express/csrf.ts'
import { NativePlan } from '../express/native.ts'
import type { CsrfOptions } from '../native/csrf.ts'
import type { Sessions } from '../native/sessions.ts'
import { mustBeSessions } from '../native/shared-plan.ts'
import type { NativeSessionOf } from '../request/native.ts'
import { Parts } from '../request/parts.ts'
import { FastifyRequestSession } from './request-session.ts'

export interface FastifySessionOptions {
  /** The manager that `createSessions` has made. */
  sessions: Pick<Sessions<object>, 'audit'>
  /** The name on the request. Default `session`. */
  property?: string | undefined
  /** True for requests that shall have no session. */
  skip?: ((request: FastifyRequest) => boolean) | undefined
}

async function plugin(app: FastifyInstance, options: FastifySessionOptions): Promise<void> {
  mustBeKnown('holdfast/fastify', options, ['sessions', 'property', 'skip', 'prefix', 'logLevel', 'logSerializers'])
  const { sessions, property = 'session', skip } = options
  mustBeSessions(sessions)
  mustBeFunction('skip', skip)
  const plan = new NativePlan(sessions, property, skip, processWarnings())
  const parts = new Parts<FastifyRequestSession>(
    'the session was used before its hook ran: register holdfast/fastify before the hook that uses it',
  )

  app.decorateRequest(property, {
    getter(this: FastifyRequest) {
      return parts.of(this).get()
    },
    setter(this: FastifyRequest, value: unknown) {
      parts.of(this).set(value)
    },
  })
  app.addHook('onRequest', (request, reply, done) => {
    const part = parts.add(new FastifyRequestSession(plan, reply), request)
    plan.property.define(request.raw, part)
    begin(part, reply.raw, done as (error?: unknown) => void)
  })
  app.addHook('onSend', async (request, _reply, payload) => parts.find(request)?.beforeSend(payload))
}

declare module 'fastify' {
  interface FastifyRequest {
    get session(): NativeSessionOf
    /** Null ends the session, an object replaces its data. */
    set session(value: Partial<DefaultData> | null)
  }
}

/** Refuses, with 403, what another site has made the browser send: a `preHandler`. Fastify's requests have what it asks of Express's. */
export const csrf = guard as unknown as (
  sessions: Pick<Sessions<object>, 'csrf'>,
  options: CsrfOptions<FastifyRequest> & { property?: string | undefined },
) => (request: FastifyRequest, reply: unknown, done: (error?: Error) => void) => void

/** Sessions for Fastify: `app.register(holdfast, { sessions })`, for the app that registers it and all below it. */
export const holdfast: FastifyPluginAsync<FastifySessionOptions> & { readonly csrf: typeof csrf } = Object.assign(plugin, {
  csrf,
  // Fastify's own word for a plugin whose decorators and hooks belong to the app that registers it.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'holdfast',
  [Symbol.for('plugin-meta')]: { name: 'holdfast', fastify: '5.x' },
})
