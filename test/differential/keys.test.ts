import Keygrip from 'keygrip'
import { expect } from 'vitest'
import { type Conversation, type Env, encoded, type Handler, keys, plant, signature, start } from '../support/conversation.ts'
import { compare } from '../support/differential.ts'
import type { Jar } from '../support/jar.ts'

const put: Handler = ctx => {
  ctx.session.user = 'ann'
  return { isNew: ctx.session.isNew }
}

const read: Handler = ctx => ({ session: ctx.session, isNew: ctx.session.isNew })

const routes = { '/put': put, '/read': read, '/untouched': () => 'ok' }

const admin = encoded({ user: 'admin', _expire: start + 60_000, _maxAge: 60_000 })

function inBothModes(script: Omit<Conversation, 'options' | 'routes'>): Conversation[] {
  const store = (env: Env) => {
    env.store.records.set('known', { user: 'ann' })
    return { store: env.store, genid: env.genid }
  }
  return [
    { ...script, routes, name: `${script.name}, in cookie mode` },
    { ...script, routes, name: `${script.name}, with a store`, options: store },
  ]
}

const change = (name: string, how: (value: string) => string) => (_: Env, jar: Jar) => {
  jar.set(name, how(jar.get(name) ?? ''))
}

const flipped = (value: string) => (value.startsWith('A') ? 'B' : 'A') + value.slice(1)

/** koa-session's Keygrip with sha256 and hex, and what it was asked written into the trace. */
function ownGrip(env: Env): object {
  const grip = new Keygrip(keys, 'sha256', 'hex')
  return {
    sign: env.spy('sign', (data: string) => grip.sign(data)),
    verify: env.spy('verify', (data: string, digest: string) => grip.verify(data, digest)),
    index: env.spy('index', (data: string, digest: string) => grip.index(data, digest)),
  }
}

compare('signatures and app.keys', [
  ...inBothModes({
    name: 'a changed signature is rejected and its cookie cleared',
    requests: ['/put', { to: '/read', first: change('koa.sess.sig', flipped) }, '/read', '/put', '/read'],
  }),
  ...inBothModes({
    name: 'a changed value is rejected',
    requests: ['/put', { to: '/read', first: change('koa.sess', flipped) }, '/put', '/read'],
  }),
  ...inBothModes({
    name: 'a value that was put together by the visitor, under the signature of another, is rejected',
    requests: ['/put', { to: '/read', first: change('koa.sess', () => admin) }, '/read'],
  }),
  ...inBothModes({
    name: 'a cookie without its signature is ignored',
    requests: ['/put', { to: '/read', first: (_, jar) => jar.remove('koa.sess.sig') }, '/put', '/read'],
  }),
  ...inBothModes({
    name: 'a signature without its cookie is ignored',
    requests: ['/put', { to: '/read', first: (_, jar) => jar.remove('koa.sess') }],
  }),
  ...inBothModes({
    name: 'an empty signature, one too short and one too long are rejected',
    requests: [
      '/put',
      { to: '/read', first: change('koa.sess.sig', () => '') },
      '/put',
      { to: '/read', first: change('koa.sess.sig', sig => sig.slice(0, -1)) },
      '/put',
      { to: '/read', first: change('koa.sess.sig', sig => `${sig}A`) },
    ],
  }),
  ...inBothModes({
    name: 'a bad signature that nobody looks at',
    requests: ['/put', { to: '/untouched', first: change('koa.sess.sig', flipped) }, '/read'],
  }),
  ...inBothModes({
    name: 'the signature of another cookie’s name is rejected',
    requests: [
      {
        to: '/read',
        first: (_, jar) => {
          jar.set('koa.sess', admin)
          jar.set('koa.sess.sig', signature('other', admin))
        },
      },
    ],
  }),
  ...inBothModes({
    name: 'a signature by an older key is accepted and made new',
    requests: [
      '/put',
      { to: '/read', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: keys[1] ?? '' }) },
      '/read',
      { to: '/untouched', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: keys[1] ?? '' }) },
      { to: '/put', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: keys[1] ?? '' }) },
    ],
  }),
  ...inBothModes({
    name: 'a signature by an unknown key is rejected',
    requests: [
      '/put',
      { to: '/read', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: 'a key of somebody else' }) },
      '/read',
    ],
  }),
  ...inBothModes({
    name: 'a key pushed in front at run time signs from then on, and what is out of the list is rejected',
    requests: [
      '/put',
      { to: '/read', first: env => env.app.keys.unshift('brand new') },
      '/read',
      { to: '/put', first: env => env.app.keys.splice(1) },
      '/read',
      { to: '/read', first: (_, jar) => plant(jar, admin) },
    ],
  }),
  ...inBothModes({
    name: 'another list put into app.keys at run time',
    requests: [
      '/put',
      {
        to: '/read',
        first: env => {
          env.app.keys = ['quite', 'different', ...keys]
        },
      },
      '/read',
    ],
  }),
  ...inBothModes({
    name: 'app.keys set only after session() was called',
    keys: null,
    requests: [
      {
        to: '/put',
        first: env => {
          env.app.keys = ['late']
        },
      },
      '/read',
    ],
  }),
  ...inBothModes({
    name: 'app.keys that is a Keygrip with another algorithm',
    keys: new Keygrip(keys, 'sha512', 'hex'),
    requests: ['/put', '/read', '/read'],
  }),
  ...inBothModes({ name: 'app.keys of one key', keys: ['only one'], requests: ['/put', '/read'] }),
  ...inBothModes({ name: 'app.keys with a Buffer as a key', keys: [Buffer.from('00ff10', 'hex')], requests: ['/put', '/read'] }),
  ...inBothModes({ name: 'an empty list of keys', keys: [], requests: ['/put'] }),
  ...inBothModes({
    name: 'app.keys that is a subclass of Keygrip',
    keys: new (class extends Keygrip {
      // Keygrip defines its methods on the instance, so a subclass wraps them there.
      constructor() {
        super(keys)
        const sign = this.sign
        const index = this.index
        this.sign = data => `own-${sign(data)}`
        this.index = (data, digest) => index(data, digest.replace(/^own-/, ''))
      }
    })(),
    requests: ['/put', '/read', { to: '/read', first: (_, jar) => plant(jar, jar.get('koa.sess') ?? '', { key: keys[1] ?? '' }) }],
  }),
  ...inBothModes({
    name: 'app.keys that is any object with sign, verify and index',
    keys: null,
    prepare: env => {
      env.app.keys = ownGrip(env)
    },
    requests: ['/put', '/read', '/untouched', { to: '/read', first: change('koa.sess.sig', flipped) }],
  }),
  {
    name: 'unsigned sessions need no keys and read what is not signed',
    keys: null,
    options: () => ({ signed: false }),
    routes,
    requests: ['/put', '/read', { to: '/read', first: (_, jar) => jar.set('koa.sess', admin) }],
  },
  {
    name: 'unsigned sessions leave an old .sig alone',
    options: () => ({ signed: false }),
    routes,
    requests: [{ to: '/read', first: (_, jar) => plant(jar, admin) }, '/put', '/read'],
  },
  {
    name: 'the first of two cookies of one name counts',
    routes,
    requests: [
      {
        to: '/read',
        headers: { cookie: `koa.sess=${admin}; koa.sess.sig=${signature('koa.sess', admin)}; koa.sess=e30=; koa.sess.sig=x` },
      },
    ],
  },
  {
    name: 'odd Cookie headers: no spaces, many spaces, quotes, empty pairs, a name inside a name',
    routes,
    requests: [
      { to: '/read', headers: { cookie: `a=1;koa.sess=${admin};koa.sess.sig=${signature('koa.sess', admin)}` } },
      { to: '/read', headers: { cookie: `;;  koa.sess.sig=${signature('koa.sess', admin)};   koa.sess=${admin};` } },
      { to: '/read', headers: { cookie: `koa.sess="${admin}"; koa.sess.sig="${signature('koa.sess', admin)}"` } },
      { to: '/read', headers: { cookie: `xkoa.sess=${admin}; xkoa.sess.sig=${signature('koa.sess', admin)}` } },
      { to: '/read', headers: { cookie: `koa.sess =${admin}; koa.sess.sig=${signature('koa.sess', admin)}` } },
      { to: '/read', headers: { cookie: `koaXsess=${admin}; koaXsess.sig=${signature('koaXsess', admin)}` } },
      { to: '/read', headers: { cookie: 'koa.sess; koa.sess.sig' } },
      { to: '/read', headers: { cookie: 'koa.sess=; koa.sess.sig=' } },
    ],
  },
  {
    name: 'no app.keys at all',
    keys: null,
    routes,
    requests: ['/untouched', '/read', '/put'],
    differs: {
      because: 'the error says how to mend it',
      peer: [
        { status: 200 },
        { status: 200 },
        { status: 500, journal: [{ what: 'error', args: [{ message: '.keys required for signed cookies' }, '<ctx>'] }] },
      ],
      holdfast: [
        { status: 200 },
        { status: 200 },
        { status: 500, setCookie: [], journal: [{ what: 'error', args: [{ message: expect.stringContaining('app.keys') }, '<ctx>'] }] },
      ],
    },
  },
])
