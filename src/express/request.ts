import type { Store } from './store.ts'
import type { ExpressSession } from './types.ts'

/**
 * `import 'holdfast/express/request'`, once in an app, gives every handler of Express 4 and 5 the types of `req.session`. Not beside
 * `@types/express-session`, which declares the same names: there its types remain, and its `SessionData` is the one to augment.
 */
declare global {
  namespace Express {
    interface Request {
      /** Your data, and express-session's members. Gone after it was set to null or destroyed. */
      get session(): ExpressSession
      /** Null does what the option `unset` says. */
      set session(value: ExpressSession | null | undefined)
      /** The id, the secret that the browser holds. Never log it. */
      sessionID: string
      /** The store in use. */
      sessionStore: Store
    }
  }
}
