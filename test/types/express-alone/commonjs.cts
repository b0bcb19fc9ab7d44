// `require`: the function with its names, typed as `import` has them.

import express = require('express')
import holdfast = require('holdfast')
import session = require('holdfast/express')
require('holdfast/express/request')

import type * as module from 'holdfast/express'
import type {} from 'holdfast/express/request'

function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : ['different', A, B]): void {}

same<typeof session, typeof module.default>()
same<typeof session.Store, typeof module.Store>()
same<typeof session.Cookie, typeof module.Cookie>()
same<typeof session.Session, typeof module.Session>()
same<typeof session.MemoryStore, typeof module.MemoryStore>()
same<typeof session.default, typeof session>()
same<session.Store, module.Store>()
same<session.SessionData, module.SessionData>()

const { Store, MemoryStore } = session
class MyStore extends Store {
  get(_sid: string, callback: (error: unknown, found?: session.SessionData | null) => void) {
    callback(null, null)
  }
  set(_sid: string, _data: session.SessionData, callback?: (error?: unknown) => void) {
    callback?.()
  }
  destroy(_sid: string, callback?: (error?: unknown) => void) {
    callback?.()
  }
}
const options: session.SessionOptions = { secret: 'keyboard cat', store: new MyStore() }

const app = express()
app.use(session(options))
app.use(session({ secret: 'keyboard cat', store: new MemoryStore() }))
app.use(session(holdfast.createSessions({ keys: ['a secret of at least thirty-two octets'] })))
app.use((req, _res, next) => {
  same<string, typeof req.sessionID>()
  req.session.views = (req.session.views ?? 0) + 1
  req.session.save(next)
})
// @ts-expect-error: cookie mode is native mode's
session({ secret: 'keyboard cat', encrypt: true })
