import express from 'express'
import { routes } from '../routes.mjs'

/**
 * The routes in Express.
 * @param {(app: express.Express) => unknown} install puts the session in
 */
export function expressApp(install) {
  const app = express()
  install(app)
  for (const [path, answer] of Object.entries(routes)) app.get(path, (req, res) => res.send(answer(req)))
  return { listener: app }
}
