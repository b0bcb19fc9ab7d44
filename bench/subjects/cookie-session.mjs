import session from 'cookie-session'
import { expressApp } from '../apps/express.mjs'
import { KEYS } from '../routes.mjs'

/** Its defaults: base64 in one cookie, the signature in another. */
export default { name: 'cookie-session', base: 'express', create: () => expressApp(app => app.use(session({ keys: KEYS }))) }
