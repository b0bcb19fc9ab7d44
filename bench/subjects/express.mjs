import { expressApp } from '../apps/express.mjs'
import { constantSession } from '../routes.mjs'

/** Express alone. */
export default {
  name: 'express',
  base: 'express',
  create: () => expressApp(app => Object.assign(app.request, { session: constantSession() })),
}
