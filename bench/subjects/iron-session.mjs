import express from 'express'
import { getIronSession } from 'iron-session'
import { changing, KEYS, routes } from '../routes.mjs'

/** In Express. It is no middleware: a handler asks it for the session, and tells it to save. */
export default {
  name: 'iron-session',
  base: 'express',
  create() {
    const options = { cookieName: 'session', password: KEYS[0] }
    const app = express()
    for (const [path, answer] of Object.entries(routes)) {
      app.get(path, async (req, res) => {
        if (path !== '/idle') req.session = await getIronSession(req, res, options)
        const text = answer(req)
        if (changing.has(path)) await req.session.save()
        res.send(text)
      })
    }
    return { listener: app }
  },
}
