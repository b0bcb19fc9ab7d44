// A child process of a test. With `leak` it says an id and a token that it must not say.
import { createHash } from 'node:crypto'
import { createServer, get } from 'node:http'

const id = `abc.${'A'.repeat(21)}${process.argv[2]}${'B'.repeat(21)}`.slice(0, 47)
createHash('sha256').update(`__Host-sid\0${id}`).digest()
const server = createServer((_request, response) => response.setHeader('Set-Cookie', `__Host-sid=${id}.signature; Path=/`).end('in'))
server.listen(0, '127.0.0.1', () => {
  get({ host: '127.0.0.1', port: server.address().port }, response => {
    response.resume().on('end', () => server.close())
    if (process.argv[3] === 'leak') console.log('the session', id, 'by', response.headers['set-cookie'][0])
    else console.log('a session')
  })
})
