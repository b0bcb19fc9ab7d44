import Fastify from 'fastify'
import { createSessions } from 'holdfast'
import holdfast, { csrf } from 'holdfast/fastify'
import session from 'holdfast/fetch'
import { Hono } from 'hono'

interface Data {
  views?: number
}

const sessions = createSessions<Data>({ keys: ['a secret of at least 32 octets, newest first'] })

const web = session(sessions, { ip: (request: Request) => request.headers.get('x-real-ip') ?? undefined })
const app = new Hono()
app.use(web)
app.get('/', async c => {
  const visit = web.of(c)
  const views: number | undefined = visit.views
  // @ts-expect-error it holds a number
  visit.views = 'many'
  await visit.update(draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  web.set(c, null)
  return c.text(String(views))
})
export const handle: (request: Request, env: { name: string }) => Promise<Response> = web.handler(
  (request, env: { name: string }) => new Response(env.name + web.of(request).views),
)
// @ts-expect-error there is no such option
session(sessions, { name: 'sid' })

const fastify = Fastify()
fastify.register(holdfast, { sessions, skip: request => request.url === '/health' })
fastify.addHook('preHandler', csrf(sessions, { origins: ['https://shop.example'] }))
fastify.get('/', async request => {
  await request.session.login('ann')
  request.session = null
})
// @ts-expect-error it needs a manager
fastify.register(holdfast, {})
