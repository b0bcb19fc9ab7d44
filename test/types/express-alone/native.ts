// Native mode on Express: what its session is, the app says itself.

import express from 'express'
import { createSessions, destroy } from 'holdfast'
import session, { type NativeExpressSession } from 'holdfast/express'
import { same } from '../same.ts'

interface Login {
  userId: string
  views?: number
}

declare global {
  namespace Express {
    interface Request {
      get session(): NativeExpressSession<Login>
      set session(value: Partial<Login> | null)
    }
  }
}

const sessions = createSessions<Login>({ keys: ['a secret of at least thirty-two octets'] })
const app = express()
app.use(session(sessions))
app.use(async (req, _res, next) => {
  same<string, typeof req.session.userId>()
  req.session.userId = 'jane'
  await req.session.regenerate()
  await req.session.update(draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  req.session = { userId: 'joe' }
  req.session = null
  await destroy(req.session)
  // @ts-expect-error: unknown key
  req.session.user = 'jane'
  // @ts-expect-error: express-session's member
  void req.session.cookie
  // @ts-expect-error: express-session's member
  void req.session.id
  next()
})
