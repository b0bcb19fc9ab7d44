import { createSessions } from 'holdfast'
import session from 'holdfast/express'
import { expressApp } from '../apps/express.mjs'
import { KEYS } from '../routes.mjs'

/** Native mode: an encrypted cookie. */
export default {
  name: 'express-sealed',
  base: 'express',
  create: () => expressApp(app => app.use(session(createSessions({ keys: KEYS })))),
}
