// H25: what a user's session has shown is kept by nobody, unless the app says otherwise.
import { expect, it } from 'vitest'
import { type Answer, dropInModes, type Handler, nativeCookie, nativeMemory, read, refuse, type Setup, write } from '../promises/support.ts'
import { table } from '../promises/table.ts'

const caching = ({ headers }: Answer) => headers['cache-control']

const routes: Setup['routes'] = {
  '/plain': () => 'plain',
  '/visit': write({ cart: 1 }),
  '/in': t => t.session.login('ann').then(() => 'in'),
  '/guarded': write({ userId: 'ann' }),
  '/read': read('cart'),
  '/out': t => t.session.logout().then(() => 'out'),
  '/again': t => t.session.reauthenticated().then(() => 'again'),
  '/fail': t => {
    void t.session.cart
    return t.fail(403, 'no')
  },
  '/fail-public': t => {
    t.header('Cache-Control', 'public, max-age=60')
    void t.session.cart
    return t.fail(403, 'no')
  },
  '/own': t => {
    t.header('Cache-Control', 'private, max-age=60')
    return read('cart')(t)
  },
  '/own-later': t => {
    const body = read('cart')(t)
    t.header('Cache-Control', 'public, max-age=60')
    return body
  },
  '/both': async t => {
    t.session.cart = 2
    await t.session.save()
    await t.session.login('ann')
    return 'both'
  },
}

table([nativeMemory, nativeCookie], open => {
  it('H25: every answer that has read a user’s session is no-store: login, page, error and logout', async () => {
    const visitor = (await open({ routes })).visitor()
    for (const path of ['/in', '/read', '/fail', '/fail-public', '/again', '/out']) {
      expect([path, caching(await visitor.get(path))]).toEqual([path, 'no-store'])
    }
  })

  it('H25: who is logged in by a guarded key of the data alone is a user as well', async () => {
    const visitor = (await open({ routes })).visitor()
    expect(caching(await visitor.get('/guarded'))).toBe('no-store')
    expect(caching(await visitor.get('/read'))).toBe('no-store')
  })

  it('H25: a session of nobody, and a handler that does not look, change nothing', async () => {
    const site = await open({ routes })
    const [nobody, ann] = [site.visitor(), site.visitor()]
    expect(caching(await nobody.get('/visit'))).toBe('private')
    expect(caching(await nobody.get('/read'))).toBeUndefined()
    await ann.get('/in')
    expect(caching(await ann.get('/plain'))).toBeUndefined()
  })

  it('H25: what the app itself says of caching stands, whether before or after it has read', async () => {
    const visitor = (await open({ routes })).visitor()
    await visitor.get('/in')
    expect(caching(await visitor.get('/own'))).toBe('private, max-age=60')
    expect(caching(await visitor.get('/own-later'))).toBe('public, max-age=60')
  })

  it('H25: an answer that was private for its cookie becomes no-store when the visitor logs in behind it', async () => {
    expect(caching(await (await open({ routes })).visitor().get('/both'))).toBe('no-store')
  })

  it('H25: an error of a visitor who is nobody is not no-store', async () => {
    expect(caching(await (await open({ routes: { '/fail': refuse(403, 'no') } })).visitor().get('/fail'))).toBeUndefined()
  })
})

/** The handler sends the head itself, in each way there is. */
const sending: Setup['routes'] = {
  '/visit': routes['/visit'] as Handler,
  '/in': routes['/in'] as Handler,
  '/end': t => {
    const cart = String(t.session.cart)
    t.takeOver()
    t.res.end(cart)
  },
  '/write': t => {
    void t.session.cart
    t.takeOver()
    t.res.write('a')
    t.res.end('b')
  },
  '/flush': async t => {
    void t.session.cart
    t.takeOver()
    t.res.flushHeaders()
    await new Promise(resolve => setImmediate(resolve))
    t.res.end('ab')
  },
  '/head': t => {
    void t.session.cart
    t.takeOver()
    t.res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    t.res.end('data: 1\n\n')
  },
  '/login-and-end': async t => {
    await t.session.login('ann')
    t.takeOver()
    t.res.end('in')
  },
  '/own': t => {
    t.res.setHeader('Cache-Control', 'private, max-age=60')
    void t.session.cart
    t.takeOver()
    t.res.end('own')
  },
  '/own-later': t => {
    void t.session.cart
    t.res.setHeader('Cache-Control', 'private, max-age=60')
    t.takeOver()
    t.res.end('own')
  },
  '/own-head': t => {
    void t.session.cart
    t.takeOver()
    t.res.writeHead(200, { 'cache-control': 'private, max-age=60' })
    t.res.end('own')
  },
  '/blind': t => {
    t.takeOver()
    t.res.end('blind')
  },
}

table([nativeMemory, nativeCookie], open => {
  it('H25: a user’s answer whose head the handler sends itself is no-store as well, and varies by the cookie', async () => {
    const visitor = (await open({ routes: sending })).visitor()
    await visitor.get('/in')
    for (const path of ['/end', '/write', '/flush', '/head', '/login-and-end']) {
      const answer = await visitor.get(path)
      expect([path, caching(answer), answer.headers.vary]).toEqual([path, 'no-store', 'Cookie'])
    }
    expect((await visitor.get('/head')).body).toBe('data: 1\n\n')
  })

  it('H25: what the app says of caching stands in such an answer, and of nobody’s nothing is said', async () => {
    const site = await open({ routes: sending })
    const [visitor, nobody] = [site.visitor(), site.visitor()]
    await visitor.get('/in')
    for (const path of ['/own', '/own-later', '/own-head']) {
      expect([path, caching(await visitor.get(path))]).toEqual([path, 'private, max-age=60'])
    }
    expect((await visitor.get('/blind')).headers).not.toHaveProperty('cache-control')
    expect((await visitor.get('/blind')).headers).not.toHaveProperty('vary')
    await nobody.get('/visit')
    expect(caching(await nobody.get('/end'))).toBeUndefined()
  })
})

table(dropInModes, open => {
  it('H25: a drop-in says of caching what it always did', async () => {
    const visitor = (await open({ routes })).visitor()
    expect(caching(await visitor.get('/guarded'))).toBe('private')
    expect(caching(await visitor.get('/read'))).toBeUndefined()
  })
})
