import { expect } from 'vitest'
import { type Conversation, type Env, type Handler, minute } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { login, look, shop, who } from '../../support/express/handlers.ts'
import type { Loose } from '../../support/subjects.ts'

// Where the middleware hangs: on a path, in a mounted application, twice, and beside another instance.

const on = (env: Env, over: object = {}) => env.session({ ...env.options, ...over })
const answers = (handler: Handler, env: Env) => (req: Loose, res: Loose, next: Loose) => {
  Promise.resolve(handler(req, res, env)).then(body => res.json(body), next)
}

const mountings: Record<string, Omit<Conversation, 'name'>> = {
  'used twice in one application': {
    build: env => {
      const middleware = on(env)
      env.app.use(middleware)
      env.app.use(middleware)
    },
    routes: shop,
    requests: ['/login', '/look', '/renew', '/who'],
  },
  'two instances in one application: the first counts': {
    build: env => {
      env.app.use(on(env, { name: 'first' }))
      env.app.use(on(env, { name: 'second', rolling: true }))
    },
    routes: shop,
    requests: ['/login', '/look', '/who'],
  },
  'on a path of the application': {
    build: env => env.app.use('/in', on(env)),
    routes: { '/in/look': look, '/out': req => ({ type: typeof req.session }) },
    requests: ['/out', '/in/look', '/in/look', '/out'],
  },
  'in an application that is mounted': {
    build: env => {
      const mounted = env.subApp()
      mounted.use(on(env))
      mounted.get('/look', answers(look, env))
      mounted.get('/who', answers(who, env))
      env.app.use('/sub', mounted)
    },
    routes: { '/out': req => ({ type: typeof req.session }) },
    requests: ['/sub/look', '/sub/look', '/out', '/sub/who'],
  },
  'in an application that is mounted, with its path': {
    options: { cookie: { path: '/sub' } },
    build: env => {
      const mounted = env.subApp()
      mounted.use(on(env))
      mounted.get('/look', answers(look, env))
      env.app.use('/sub', mounted)
    },
    routes: {},
    requests: ['/sub/look', '/sub/look'],
  },
  'in the application and in one that is mounted': {
    build: env => {
      const mounted = env.subApp()
      mounted.use(on(env, { name: 'inner' }))
      mounted.get('/look', answers(look, env))
      env.app.use(on(env, { name: 'outer' }))
      env.app.use('/sub', mounted)
    },
    routes: shop,
    requests: ['/look', '/sub/look', '/sub/look', '/look'],
  },
  'for one route alone': {
    build: env => env.app.get('/with', on(env), answers(look, env)),
    routes: { '/without': req => ({ type: typeof req.session }) },
    requests: ['/with', '/without', '/with'],
  },
}

compare(
  'mounting',
  Object.entries(mountings).map(([name, mounting]): Conversation => ({ name, ...mounting })),
)

/** The name, the path and whether it ends with the browser. */
const line = (name: string, path: string, expires = '') => [
  expect.stringMatching(new RegExp(`^${name}=[^;]+; Path=${path};${expires} HttpOnly$`)),
]

compare('two instances on one store', [
  {
    name: 'in two mounted applications',
    build: env => {
      for (const name of ['one', 'two']) {
        const mounted = env.subApp()
        mounted.use(on(env, { name, cookie: { path: `/${name}`, ...(name === 'one' && { maxAge: minute }) } }))
        mounted.get('/look', answers(look, env))
        env.app.use(`/${name}`, mounted)
      }
    },
    routes: {},
    requests: ['/one/look', '/two/look', '/one/look'],
    differs: {
      because: 'each keeps its own path and life; with the peer the options of the last one count for all',
      peer: [{ setCookie: line('one', '/two') }, { setCookie: line('two', '/two') }, { body: expect.stringContaining('"views":1') }],
      holdfast: [
        { setCookie: line('one', '/one', ' Expires=Wed, 01 Jan 2025 00:01:00 GMT;') },
        { setCookie: line('two', '/two') },
        { body: expect.stringContaining('"views":2') },
      ],
    },
  },
])

compare('on connect', [
  {
    name: 'on a path',
    hosts: ['connect'],
    build: env => env.app.use('/in', on(env)),
    routes: { '/in/look': look, '/out': req => ({ type: typeof req.session }), '/in/login': login },
    requests: ['/out', '/in/login', '/in/look', '/out'],
  },
])
