import { called, type Handler } from './conversation.ts'

/** Logs in and begins to count. */
export const login: Handler = req => {
  req.session.user = 'ann'
  req.session.views = 0
  return { id: req.sessionID }
}

/** Changes the session. */
export const look: Handler = req => {
  req.session.views = (req.session.views ?? 0) + 1
  return { user: req.session.user, views: req.session.views, id: req.sessionID }
}

/** Reads it. */
export const who: Handler = req => ({ user: req.session.user ?? 'nobody', id: req.session.id, same: req.session.id === req.sessionID })

/** Does not look at it. */
const idle: Handler = () => 'idle'

/** Ends it. */
export const logout: Handler = async req => {
  await called(done => req.session.destroy(done))
  return { session: typeof req.session, in: 'session' in req }
}

/** Another id, and nobody logged in. */
export const renew: Handler = async req => {
  const old = req.session
  await called(done => req.session.regenerate(done))
  return { fresh: req.session !== old, keys: Object.keys(req.session), id: req.sessionID, own: req.session.id }
}

export const shop = { '/login': login, '/look': look, '/who': who, '/idle': idle, '/renew': renew }
