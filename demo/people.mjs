import { createSessions, userIdOf } from 'holdfast'
import { account } from 'holdfast/account'
import { admin } from 'holdfast/admin'
import session from 'holdfast/koa'
import { devices } from './devices.mjs'

/** The sessions of people in native mode, on the store that the demo has opened. */
export const createPeople = ({ keys, opened }) =>
  createSessions({
    keys,
    store: opened.store,
    device: { locate: address => (isLocal(address) ? 'This computer' : undefined) },
    insecure: process.env.NODE_ENV === 'development', // for Safari, which keeps no Secure cookie of http://localhost
  })

const paths = /^\/(devices|account|admin)(\/|$)/

/** The part "Your devices": its own pages, and the two that the library has. */
export function mountPeople(app, people) {
  app.use(session(people, app, { property: 'visitor', skip: ctx => !paths.test(ctx.path) }))
  app.use(
    account(people, {
      path: '/account',
      property: 'visitor',
      homeUrl: '/devices',
      signInUrl: '/devices',
      reauthenticateUrl: '/devices/confirm?for=account',
    }),
  )
  app.use(
    admin(people, {
      path: '/admin',
      property: 'visitor',
      homeUrl: '/devices',
      authorize: mayLookAfterAll,
      reauthenticateUrl: '/devices/confirm?for=admin',
    }),
  )
  app.use(devices(people))
}

/** Enough for a demo: whoever sits at the server and is signed in. A site asks whether this user may. */
const mayLookAfterAll = ctx =>
  isLocal(ctx.ip) && localHost.test(ctx.host) && !proxies.some(name => ctx.get(name)) && userIdOf(ctx.visitor) !== undefined

/** A name that somebody else has made to lead here is none of this computer's, and what a proxy hands on comes from elsewhere. */
const localHost = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i
const proxies = ['Forwarded', 'Via', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP']

const isLocal = address => /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address)
