// A WebSocket for those who are logged in. Express does not see its handshake, so `load` reads the session.
const { createServer } = require('node:http')
const express = require('express')
const session = require('holdfast/express')
const { WebSocketServer } = require('ws')

const sessions = session({
  secret: 'replace me with a long random secret',
  resave: false,
  saveUninitialized: false,
})
const app = express()
app.use(sessions)

app.get('/login', (req, res) => {
  req.session.user = 'ann'
  res.send('logged in')
})

const server = createServer(app)
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', async (req, socket, head) => {
  socket.on('error', () => socket.destroy())
  const data = await sessions.load(req).catch(() => null)
  // Browsers open WebSockets to other sites, and send cookies along.
  const ours = req.headers.origin === `http://${req.headers.host}`
  if (!data?.user || !ours) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
  sockets.handleUpgrade(req, socket, head, ws => {
    ws.on('error', () => ws.terminate())
    ws.send(`Hello, ${data.user}`)
  })
})

server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
