// A login and a counter in Fastify.
const Fastify = require('fastify')
const { createSessions, userIdOf } = require('holdfast')
const holdfast = require('holdfast/fastify')
const { MemoryStore } = require('holdfast/stores/memory')

const sessions = createSessions({
  keys: ['replace me with a random secret of at least 32 octets'],
  store: new MemoryStore(),
})

const app = Fastify()
app.register(holdfast, { sessions })
app.post('/login', async request => {
  await request.session.login('ann')
  return 'welcome'
})
app.post('/logout', async request => {
  await request.session.logout()
  return 'bye'
})
app.get('/', async request => {
  await request.session.update(draft => {
    draft.views = (draft.views ?? 0) + 1
  })
  return `${userIdOf(request.session) ?? 'nobody'}: ${request.session.views} views`
})

app.listen({ port: Number(process.env.PORT ?? 3000) }, (error, address) => {
  if (error) throw error
  console.log(`listening on http://localhost:${new URL(address).port}`)
})
