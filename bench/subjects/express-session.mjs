import session from 'express-session'
import { expressApp } from '../apps/express.mjs'
import { KEYS } from '../routes.mjs'

/** As its documents advise, with its own store in memory. */
export default {
  name: 'express-session',
  base: 'express',
  create: () => expressApp(app => app.use(session({ secret: KEYS, resave: false, saveUninitialized: false }))),
}
