import { day, MODE_COOKIE, modeOf, modes } from './modes.mjs'
import { messagePage } from './page.mjs'
import { dataOf } from './report.mjs'
import { formOf, fromThisSite } from './request.mjs'

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
  const name = ((await formOf(ctx)).get('name') ?? '').replace(/\s+/g, ' ').trim()
  if (name === '' || [...name].length > 40) {
    ctx.status = 422
    ctx.state.page = { error: 'Enter a name of 1 to 40 characters.', entered: name }
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
  back(ctx)
}

async function overlap(ctx) {
  const results = await ctx.overlap.run(ctx)
  ctx.state.note = { verdict: 'Saved', reason: 'what twenty requests at once have left, in each mode; see the results below', results }
  back(ctx, '/peek#overlap')
}

function backWithNote(ctx) {
  ctx.state.note = {}
  back(ctx)
}

function back(ctx, to = '/peek') {
  ctx.redirect(to)
  ctx.status = 303
}
