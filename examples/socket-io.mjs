// socket.io beside Express: both hand their requests to the same middleware, and an event finds the visitor's session.
import { createServer } from 'node:http'
import express from 'express'
import session from 'holdfast/express'
import { MemoryStore } from 'holdfast/stores/memory'
import { Server } from 'socket.io'

const sessions = session({ secret: 'replace me with a long random secret', saveUninitialized: false, store: new MemoryStore() })
const app = express()
app.use(sessions)

app.get('/login', (req, res) => {
  req.session.user = 'ann'
  res.send('logged in')
})

const server = createServer(app)
const io = new Server(server)
io.engine.use(sessions)
io.on('connection', socket => {
  const mine = socket.request.session
  if (!mine.user) return socket.disconnect()
  socket.on('count', async answer => {
    let count
    try {
      await mine.update(draft => {
        count = (draft.count ?? 0) + 1
        draft.count = count
      })
      answer(count)
    } catch {
      socket.disconnect() // The visitor has logged out meanwhile.
    }
  })
})
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
