// SessionData augmented: the declared keys are typed everywhere, and an unknown key is a type error.

import express from 'express'
import type { SessionData } from 'holdfast'
import session, { type ExpressSession, type SessionRequest, type SessionData as WithCookie } from 'holdfast/express'
import 'holdfast/express/request'
import { same } from '../same.ts'

declare module 'holdfast' {
  interface SessionData {
    userId?: string
    cart?: { items: string[] }
  }
}
// A plain switch renames the module of the declaration that is there: the same, for Express alone.
declare module 'holdfast/express' {
  interface SessionData {
    views: number
  }
}

same<string | undefined, SessionData['userId']>()
same<'userId' | 'cart' | 'views' | 'cookie', keyof WithCookie>()

const middleware = session({ secret: 'keyboard cat' })
const app = express()
app.use(middleware)
app.get('/', async (req, res) => {
  same<string | undefined, typeof req.session.userId>()
  same<number | undefined, typeof req.session.views>()
  req.session.userId = 'jane'
  req.session.views = (req.session.views ?? 0) + 1
  req.session.cart?.items.push('apple')
  delete req.session.userId
  same<string, typeof req.session.id>()
  req.session.save(() => res.end())
  await req.session.update(draft => {
    draft.views++
    // @ts-expect-error: unknown key
    draft.user = 'jane'
  })

  // @ts-expect-error: unknown key
  req.session.userid = 'jane'
  // @ts-expect-error: unknown key
  void req.session.user
  // @ts-expect-error: userId is a string
  req.session.userId = 1
  // @ts-expect-error: views is a number
  req.session.views = 'many'
})
void middleware.load({ headers: {} }).then(data => {
  const id: string | undefined = data?.userId
  void id
  // @ts-expect-error: unknown key
  void data?.user
})

function helper(one: ExpressSession, two: session.Session & Partial<session.SessionData>): string | undefined {
  // @ts-expect-error: unknown key
  void [one.user]
  // @ts-expect-error: unknown key
  void [two.user]
  return one.userId ?? two.userId
}
app.use((req, _res, next) => next(helper(req.session, req.session)))

// A type parameter in place of the interface, for one part of an app.
interface Admin {
  role?: 'read' | 'write'
}
const admin = session<Admin>({ secret: 'keyboard cat', property: 'admin' })
void admin.load({ headers: {} }).then(data => {
  const role: 'read' | 'write' | undefined = data?.role
  void role
})
function handler({ session }: SessionRequest<Admin>): void {
  session.role = 'write'
  // @ts-expect-error: not a role
  session.role = 'root'
  // @ts-expect-error: unknown key
  void session.userId
}
void handler
