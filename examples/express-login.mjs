// A login with a new id: one that somebody planted in the browser before is worth nothing after it.
import express from 'express'
import session from 'holdfast/express'

const app = express()
app.use(
  session({
    secret: 'replace me with a long random secret',
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
)
app.use(express.urlencoded({ extended: false }))

app.get('/', (req, res) => {
  res.type('text').send(req.session.user ? `Hello, ${req.session.user}` : 'Please log in')
})

app.post('/login', async (req, res) => {
  if (req.body.password !== 'open sesame') return res.status(401).type('text').send('Wrong password')
  await req.session.regenerate()
  req.session.user = req.body.user
  res.redirect('/') // It leaves when the session is stored.
})

app.post('/logout', async (req, res) => {
  await req.session.destroy()
  res.redirect('/')
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
