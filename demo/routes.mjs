import { messagePage } from './layout.mjs'
import { day, MODE_COOKIE, modeOf, modes } from './modes.mjs'
import { dataOf } from './report.mjs'
import { formOf, fromThisSite, nameIn, seeOther } from './request.mjs'

const table = {
  'GET /': count,
  'HEAD /': show,
  'GET /peek': show,
  'HEAD /peek': show,
  'POST /login': login,
  'POST /logout': logout,
  'POST /mode': chooseMode,
  'POST /overlap': overlap,
}

export async function routes(ctx) {
  const name = `${ctx.method} ${ctx.path}`
  if (!Object.hasOwn(table, name)) {
    ctx.status = 404
    ctx.body = messagePage('Not found', 'There is no such page in this demo.')
    return
  }
  if (ctx.method === 'POST') fromThisSite(ctx)
  const { property } = modes[modeOf(ctx)]
  ctx.state.wasNew = ctx[property].isNew
  ctx.state.before = dataOf(ctx[property])
  await table[name](ctx, property)
  ctx.state.after = dataOf(ctx[property])
}

function count(ctx, property) {
  const current = ctx[property]
  const inAdvance = ctx.get('Sec-Purpose') !== '' // the browser fetches it, nobody looks at it yet
  if (!inAdvance) current.views = (current.views ?? 0) + 1
  show(ctx)
}

function show(ctx) {
  ctx.state.page = {}
}

async function login(ctx, property) {
  const { name, error } = nameIn(await formOf(ctx))
  if (error) {
    ctx.status = 422
    ctx.state.page = { error, entered: name }
    return
  }
  await ctx[property].regenerate() // who knew the id before the log-in must have nothing after it
  ctx[property].user = name
  backWithNote(ctx)
}

function logout(ctx, property) {
  ctx[property] = null
  backWithNote(ctx)
}

async function chooseMode(ctx) {
  const mode = (await formOf(ctx)).get('mode') === 'store' ? 'store' : 'cookie'
  ctx.cookies.set(MODE_COOKIE, mode, { signed: false, sameSite: 'lax', maxAge: 365 * day })
  seeOther(ctx, '/peek')
}

async function overlap(ctx) {
  const results = await ctx.overlap.run(ctx)
  ctx.state.note = { verdict: 'Saved', reason: 'what twenty requests at once have left, in each mode; see the results below', results }
  seeOther(ctx, '/peek#overlap')
}

function backWithNote(ctx) {
  ctx.state.note = {}
  seeOther(ctx, '/peek')
}
