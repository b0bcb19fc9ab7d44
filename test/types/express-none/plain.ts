// Without the types of Express: node:http alone.

import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import session, { type SessionRequest } from 'holdfast/express'
import { same } from '../same.ts'

// @ts-expect-error: the types of Express are not in this project
export type Absent = Express.Request

const middleware = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false })
createServer((req, res) =>
  middleware(req, res, error => {
    const { session, sessionID, sessionStore } = req as SessionRequest
    same<string, typeof sessionID>()
    session.views = (session.views ?? 0) + 1
    sessionStore.destroy(sessionID, () => res.end(error?.message))
  }),
)
createHttp2Server((req, res) => middleware(req, res, () => res.end()))
