const limit = 4096
const policy = `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`

export async function securityHeaders(ctx, next) {
  ctx.set({
    'Content-Security-Policy': policy,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  })
  await next()
}

/** For a page with a script of this site, which may ask this site. */
export function letScriptIn(ctx) {
  ctx.set('Content-Security-Policy', `${policy}; script-src 'self'; connect-src 'self'`)
}

/**
 * Throws a 403 unless the browser says that the request comes from a page of this site: Sec-Fetch-Site where the browser sends it, else
 * Origin. It stands beside SameSite=Lax on the cookies: a second lock, for what the first lets through.
 */
export function fromThisSite(ctx) {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  const same = site ? site === 'same-origin' : origin === `${ctx.protocol}://${ctx.host}`
  if (!same) ctx.throw(403, 'This form was not sent from a page of this site.')
}

/** The fields of a form's body, of at most 4 KiB. */
export async function formOf(ctx) {
  if (!ctx.is('urlencoded')) ctx.throw(415, 'Send a form.')
  const chunks = []
  let size = 0
  for await (const chunk of ctx.req) {
    size += chunk.length
    if (size > limit) ctx.throw(413, 'This form is too large.')
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

/** The name in a form, or what is wrong with it. */
export function nameIn(form) {
  const name = (form.get('name') ?? '').replace(/\s+/g, ' ').trim()
  const fine = name !== '' && [...name].length <= 40 && !name.includes('\0')
  return fine ? { name } : { name, error: 'Enter a name of 1 to 40 characters.' }
}

/** Answers a form: its browser goes on to another page, and a reload there sends nothing again. */
export function seeOther(ctx, path) {
  ctx.redirect(path)
  ctx.status = 303
}
