import { goneReason, reauthenticated, userIdOf } from 'holdfast'
import { confirmPage, signedInPage, signedOutPage } from './devices-page.mjs'
import { formOf, fromThisSite, letScriptIn, nameIn, seeOther } from './request.mjs'

const table = {
  'GET /devices': show,
  'HEAD /devices': show,
  'POST /devices/sign-in': signIn,
  'POST /devices/sign-out': signOut,
  'GET /devices/confirm': askOnceMore,
  'POST /devices/confirm': confirm,
}

/** Where the two pages of the library go on after their user has shown once more who they are. */
const asking = { account: '/account', admin: '/admin' }

/** The pages around those of the library: sign in, what to do next, sign out. */
export function devices(people) {
  return async (ctx, next) => {
    const name = `${ctx.method} ${ctx.path}`
    if (!Object.hasOwn(table, name)) return next()
    if (ctx.method === 'POST') fromThisSite(ctx)
    await table[name](ctx, people)
  }
}

async function show(ctx, people) {
  const { visitor, opened } = ctx
  const userId = userIdOf(visitor)
  const [cookieName] = people.cookieNames
  const scene = { opened, cookieName, address: addressOf(ctx) }
  if (userId === undefined) {
    const reason = goneReason(visitor)
    const cookieIsMissing = 'signed-in' in ctx.query && !ctx.cookies.get(cookieName, { signed: false })
    ctx.body = signedOutPage({ ...scene, reason, cookieIsMissing })
    return
  }
  const sessions = await people.list(userId, { current: visitor })
  const { device } = sessions.find(({ current }) => current) ?? {}
  letScriptIn(ctx)
  ctx.body = signedInPage({ ...scene, name: visitor.name, device: device?.label, count: sessions.length })
}

const addressOf = ctx => `${ctx.protocol}://${ctx.host}/devices`

async function signIn(ctx, people) {
  const form = await formOf(ctx)
  const { name, error } = nameIn(form)
  if (error) {
    ctx.status = 422
    ctx.body = signedOutPage({ opened: ctx.opened, cookieName: people.cookieNames[0], address: addressOf(ctx), error, entered: name })
    return
  }
  const userId = name.toLowerCase() // telephones begin a name with a capital letter, computers do not
  ctx.visitor.name = name
  await ctx.visitor.login(userId) // a site has checked a password or a passkey by now
  if (form.has('only')) await people.revokeAll(userId, { except: ctx.visitor })
  seeOther(ctx, '/devices?signed-in')
}

async function signOut(ctx) {
  await ctx.visitor.logout()
  seeOther(ctx, '/devices')
}

function askOnceMore(ctx) {
  if (userIdOf(ctx.visitor) === undefined) return seeOther(ctx, '/devices')
  ctx.body = confirmPage(ctx.search)
}

async function confirm(ctx) {
  if (userIdOf(ctx.visitor) === undefined) return seeOther(ctx, '/devices')
  await reauthenticated(ctx.visitor)
  seeOther(ctx, Object.hasOwn(asking, ctx.query.for) ? asking[ctx.query.for] : '/devices')
}
