import session from 'holdfast/express'
import { expressApp } from '../apps/express.mjs'
import { KEYS } from '../routes.mjs'

/** The drop-in with its own store in memory. */
export default {
  name: 'express-store',
  base: 'express',
  create: () => expressApp(app => app.use(session({ secret: KEYS, resave: false, saveUninitialized: false }))),
}
