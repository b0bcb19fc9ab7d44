// The handlers of the conversations: they do what apps do with express-session, by its callbacks.
import type { RequestListener } from 'node:http'
import type { Loose } from '../../support/subjects.ts'
import { createApp, type ExpressMajor } from './libraries.ts'

type Route = (req: Loose, res: Loose, next: (error?: unknown) => void) => unknown

/** All that a handler can know of its session. */
function tell(req: Loose): object {
  if (!req.session) return { id: req.sessionID, session: String(req.session) }
  // A store may put its own marks on what it gets, which express-session then shows to the handler as well.
  const { cookie, __lastAccess: _, ...data } = req.session
  const { expires, originalMaxAge, maxAge } = cookie
  return { id: req.sessionID, same: req.session.id === req.sessionID, data, expires, originalMaxAge, maxAge }
}

const ok =
  (res: Loose, next: (error?: unknown) => void, then: () => void = () => res.json('done')) =>
  (error?: unknown) =>
    error ? next(error) : then()

/** Asks the store. session-file-store says by an error that there is nothing. */
function get(req: Loose, id: string, then: (stored: Loose) => void, next: (error?: unknown) => void): void {
  req.sessionStore.get(id, (error: Loose, stored: Loose) => {
    if (error && error.code !== 'ENOENT') next(error)
    else then(stored ?? undefined)
  })
}

const routes: Record<string, Route> = {
  '/read': (req, res) => res.json(tell(req)),
  '/nothing': (_, res) => res.json('nothing'),
  '/set': (req, res) => {
    Object.assign(req.session, req.query)
    res.json(tell(req))
  },
  '/forget': (req, res) => {
    delete req.session[req.query.key]
    res.json(tell(req))
  },
  '/deep': (req, res) => {
    req.session.basket ??= { items: [] }
    req.session.basket.items.push(req.query.item)
    res.json(tell(req))
  },
  '/same': (req, res) => {
    // Equal to what is there: no change.
    req.session.user = `${req.session.user}`
    res.json(tell(req))
  },
  '/count': (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    res.json(tell(req))
  },
  '/login': (req, res, next) => {
    const done = ok(res, next, () => {
      req.session.user = req.query.user
      req.session.save(ok(res, next, () => res.redirect('/read')))
    })
    req.session.regenerate(done)
  },
  // Express' documentation does it without the save, too.
  '/enter': (req, res) => {
    req.session.user = req.query.user
    res.redirect('/read')
  },
  '/touch': (req, res) => {
    req.session.touch()
    res.json(tell(req))
  },
  '/life': (req, res) => {
    req.session.cookie.maxAge = Number(req.query.ms)
    res.json(tell(req))
  },
  '/session-life': (req, res) => {
    req.session.cookie.expires = null
    res.json(tell(req))
  },
  '/reload': (req, res, next) => {
    req.session.user = 'nobody'
    req.session.reload(ok(res, next, () => res.json(tell(req))))
  },
  '/reload-and-set': (req, res, next) => {
    req.session.reload(
      ok(res, next, () => {
        req.session.reloaded = true
        res.json(tell(req))
      }),
    )
  },
  '/save': (req, res, next) => req.session.save(ok(res, next)),
  '/save-and-set': (req, res, next) => {
    req.session.before = true
    req.session.save(
      ok(res, next, () => {
        req.session.after = true
        res.json(tell(req))
      }),
    )
  },
  '/regenerate': (req, res, next) => req.session.regenerate(ok(res, next, () => res.json(tell(req)))),
  '/regenerate-and-keep': (req, res, next) => {
    const { user } = req.session
    req.session.regenerate(
      ok(res, next, () => {
        req.session.user = user
        res.json(tell(req))
      }),
    )
  },
  '/destroy': (req, res, next) => req.session.destroy(ok(res, next, () => res.json(tell(req)))),
  '/destroy-and-redirect': (req, res, next) => req.session.destroy(ok(res, next, () => res.redirect('/read'))),
  '/unset': (req, res) => {
    req.session = null
    res.json('unset')
  },
  '/delete': (req, res) => {
    delete req.session
    res.json('deleted')
  },
  // What is there when the callback comes, and not only at the end.
  '/save-and-get': (req, res, next) => {
    req.session.saved = true
    req.session.save(ok(res, next, () => get(req, req.sessionID, ({ saved }: Loose = {}) => res.json({ saved }), next)))
  },
  '/destroy-and-get': (req, res, next) => {
    const id = req.sessionID
    req.session.destroy(ok(res, next, () => get(req, id, (stored: Loose) => res.json({ stored: Boolean(stored) }), next)))
  },
  '/store-get': (req, res, next) => {
    const then = (stored: Loose) => {
      const { __lastAccess: _, ...data } = stored ?? {}
      res.json(stored ? data : 'nothing')
    }
    get(req, req.sessionID, then, next)
  },
  '/store-load': (req, res, next) => {
    req.sessionStore.load(req.sessionID, (error: unknown, loaded: Loose) => {
      if (error && (error as Loose).code !== 'ENOENT') return next(error)
      res.json(loaded ? { id: loaded.id, user: loaded.user, expires: loaded.cookie.expires } : 'nothing')
    })
  },
  '/store-destroy': (req, res, next) => req.sessionStore.destroy(req.sessionID, ok(res, next)),
  '/store-regenerate': (req, res, next) =>
    req.sessionStore.regenerate(
      req,
      ok(res, next, () => res.json(tell(req))),
    ),
}

/** session-file-store lets a file that is not there be an error, which Holdfast takes for the answer that there is no session. */
const textOf = (error: Loose) => (error.code === 'ENOENT' ? 'Error: failed to load session' : String(error))

/** An app with these routes behind `session(options)`. */
export function routesApp(major: ExpressMajor) {
  return (session: Loose, options: Loose): RequestListener => {
    const app = createApp(major)
    app.set('etag', false)
    app.use(session(options))
    for (const [path, route] of Object.entries(routes)) app.get(path, route)
    app.use((error: Loose, _req: Loose, res: Loose, _next: unknown) => void res.status(500).json(textOf(error)))
    return app
  }
}
