import { AsyncLocalStorage } from 'node:async_hooks'
import { modeOf, modes } from './modes.mjs'
import { outcomeOf } from './outcome.mjs'
import { sessionPage } from './page.mjs'

const NOTE_COOKIE = 'holdfast.demo.note'

export const dataOf = session => session && structuredClone(session.toJSON())

/**
 * Runs around the sessions, so that it sees each answer when they are done with it: writes into the page what became of the session, or,
 * for an answer that is a redirect, into a note for the page that follows.
 */
export async function showOutcome(ctx, next) {
  const mode = modeOf(ctx)
  const { cookieName } = modes[mode]
  const storeCalls = mode === 'store' ? [] : undefined
  await calls.run(storeCalls, next)
  const { page, note, before, after, wasNew } = ctx.state
  if (!page && !note) return
  const requestCookie = ctx.cookies.get(cookieName, { signed: false })
  const setCookie = [ctx.res.getHeader('Set-Cookie') ?? []].flat()
  const outcome = outcomeOf({ cookieName, requestCookie, setCookie, storeCalls, before, after, wasNew })
  const request = `${ctx.method} ${ctx.path}`
  if (note) leaveNote(ctx, { request, verdict: outcome.verdict, reason: outcome.reason, ...note })
  else ctx.body = sessionPage({ ...page, mode, opened: ctx.opened, data: after, outcome, request, previous: takeNote(ctx) })
}

function leaveNote(ctx, note) {
  const value = Buffer.from(JSON.stringify(note)).toString('base64url')
  ctx.cookies.set(NOTE_COOKIE, value, { signed: true, sameSite: 'lax', maxAge: 60_000 })
}

function takeNote(ctx) {
  const value = ctx.cookies.get(NOTE_COOKIE, { signed: true })
  if (!value) return undefined
  ctx.cookies.set(NOTE_COOKIE, null, { signed: true })
  return JSON.parse(Buffer.from(value, 'base64url').toString())
}

const calls = new AsyncLocalStorage()
const METHODS = ['load', 'create', 'save', 'replace', 'touch', 'delete', 'listByUser', 'deleteByUser', 'list', 'deleteExpired', 'close']

/** The same store, with each call noted for the request that made it. */
export function noted(store) {
  const method = name => [
    name,
    (...args) => {
      calls.getStore()?.push(name)
      return store[name](...args)
    },
  ]
  return Object.fromEntries(METHODS.filter(name => name in store).map(method))
}
