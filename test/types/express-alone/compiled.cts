// `import` that the compiler turns into `require`, as most projects of TypeScript and CommonJS write it.

import express from 'express'
import session, { type ExpressSession, MemoryStore, type SessionOptions, Store } from 'holdfast/express'
import 'holdfast/express/request'

const options: SessionOptions = { secret: 'keyboard cat', store: new MemoryStore() }
const app = express()
app.use(session(options))
app.use((req, _res, next) => {
  const value: ExpressSession = req.session
  value.views = req.sessionStore instanceof Store
  value.save(next)
})
// @ts-expect-error: cookie mode is native mode's
session({ secret: 'keyboard cat', encrypt: true })
