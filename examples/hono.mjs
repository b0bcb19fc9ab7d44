// A login and a counter in Hono.
import { createServer } from 'node:http'
import { createSessions, userIdOf } from 'holdfast'
import session from 'holdfast/fetch'
import { MemoryStore } from 'holdfast/stores/memory'
import { Hono } from 'hono'

const sessions = createSessions({
  keys: ['replace me with a random secret of at least 32 octets'],
  store: new MemoryStore(),
})
const web = session(sessions)

const app = new Hono()
app.use(web)
const login = session => session.login('ann').then(() => 'welcome')
const logout = session => session.logout().then(() => 'bye')
app.post('/login', async c => c.text(await login(web.of(c))))
app.post('/logout', async c => c.text(await logout(web.of(c))))
app.get('/', async c => {
  const visit = web.of(c)
  await visit.update(draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  return c.text(`${userIdOf(visit) ?? 'nobody'}: ${visit.views} views`)
})

// What @hono/node-server, Deno, Bun or Workers do for an app: requests in, responses out.
const server = createServer(async (req, res) => {
  const request = new Request(`http://${req.headers.host}${req.url}`, { method: req.method, headers: req.headers })
  const response = await app.fetch(request)
  for (const [name, value] of response.headers) if (name !== 'set-cookie') res.setHeader(name, value)
  res.setHeader('Set-Cookie', response.headers.getSetCookie())
  res.writeHead(response.status)
  for await (const chunk of response.body ?? []) res.write(chunk)
  res.end()
})
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
