// The page-view counter that express-session is known by, with one import changed. Sessions live in this process, for want of a store.
import cookieParser from 'cookie-parser'
import express from 'express'
import session from 'holdfast/express'

const app = express()
app.use(cookieParser())
app.use(session({ secret: 'Shh, its a secret!' }))

app.get('/', (req, res) => {
  req.session.pageViews = (req.session.pageViews ?? 0) + 1
  if (req.session.pageViews === 1) res.send('Welcome to this page for the first time!')
  else res.send(`You visited this page ${req.session.pageViews} times`)
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on http://localhost:${server.address().port}`)
})
