import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  dropInCookie,
  dropInMap,
  dropInMemory,
  everyMode,
  logout,
  nativeCookie,
  nativeMemory,
  refuse,
  renew,
  type Setup,
  write,
} from '../promises/support.ts'
import { table } from '../promises/table.ts'

beforeEach(() => vi.stubEnv('NODE_ENV', 'development'))
afterEach(() => vi.unstubAllEnvs())

const routes: Setup['routes'] = {
  '/in': write({ name: 'ann' }),
  '/more': turn => {
    turn.session.n = (turn.session.n ?? 0) + 1
    return 'more'
  },
  '/look': turn => String(turn.session.name),
  '/pass': () => 'by',
  '/save': turn => turn.session.save().then(() => 'saved'),
  '/renew': renew,
  '/out': logout,
  '/fail': write({ failed: true }, refuse(500, 'no')),
}

table([nativeCookie, nativeMemory], (open, mode) => {
  const told = async (
    visitor: { get: (path: string, ask?: object) => Promise<{ headers: Record<string, unknown> }> },
    path: string,
    ask?: object,
  ) => {
    const { headers } = await visitor.get(path, ask)
    return [headers['holdfast-session'], headers['holdfast-cookie']]
  }

  it('explain: each answer says what became of its session and of its cookie', async () => {
    const site = await open({ routes, native: { explain: true } })
    const visitor = site.visitor()
    expect(await told(visitor, '/look')).toEqual([
      'new, because no token came; not saved: it is new and empty',
      'not set: nothing was stored',
    ])
    expect(await told(visitor, '/in')).toEqual([
      'new, because no token came; saved: it is new and the handler wrote to it',
      'set: the session is new',
    ])
    expect(await told(visitor, '/look')).toEqual(['loaded; not saved: the handler changed nothing', 'not set: the browser has it already'])
    expect(await told(visitor, '/more')).toEqual([
      'loaded; saved: the handler changed it',
      mode.place === 'cookie' ? 'set: its content, its life or its key changed' : 'not set: the browser has it already',
    ])
    expect((await told(visitor, '/save'))[0]).toBe('loaded; saved: the handler asked for it')
    expect(await told(visitor, '/renew')).toEqual(['loaded; saved: under a new id, as the handler asked', 'set: the session has a new id'])
    const before = visitor.header()
    expect(await told(visitor, '/fail')).toEqual(['loaded; saved: the handler changed it', expect.stringMatching(/^(not )?set: /)])
    expect(await told(visitor, '/out')).toEqual(['loaded; ended: the handler asked for it', 'cleared: the session was ended'])
    if (mode.place === 'memory') {
      expect(await told(site.visitor(), '/more', { headers: { cookie: before } })).toEqual([
        'token not accepted (session:gone destroyed); not saved: it was ended before, so what the handler changed is dropped',
        'not set: nothing was stored',
      ])
    }
    expect((await told(site.visitor(), '/look', { headers: { cookie: `${site.cookieName}=forged` } }))[0]).toBe(
      'token not accepted (session:invalid signature); not saved: it is new and empty',
    )
  })

  it('explain: a request without a session, and one whose handler does not look at it', async () => {
    const skip = (asked: { path?: string; url?: string }) => (asked.path ?? asked.url) === '/pass'
    const site = await open({ routes, native: { explain: true }, options: { skip } })
    expect(await told(site.visitor(), '/pass')).toEqual([
      'none: skip says that this request has no session',
      'not set: the request has no session',
    ])
    const other = await open({ routes, native: { explain: true } })
    expect((await told(other.visitor(), '/pass'))[0]).toMatch(/did not look at it/)
  })

  it('explain: a site that is refused a session says so', async () => {
    const site = await open({ routes, native: { explain: true, onCreate: () => false } })
    expect(await told(site.visitor(), '/in')).toEqual([
      'new, because no token came; not saved: onCreate refused it',
      'not set: nothing was stored',
    ])
  })
})

table(everyMode, open => {
  it('explain: without the option no answer says anything', async () => {
    const site = await open({ routes })
    for (const path of ['/in', '/look', '/out']) {
      const { headers } = await site.visitor().get(path)
      expect(Object.keys(headers).filter(name => name.startsWith('holdfast'))).toEqual([])
    }
  })
})

table([dropInCookie, dropInMap, dropInMemory], open => {
  it('explain: beside the options of the peer', async () => {
    const site = await open({ routes, options: { explain: true } })
    const visitor = site.visitor()
    const first = await visitor.get('/in')
    expect(first.headers['holdfast-session']).toMatch(/; saved: it is new and the handler wrote to it$/)
    expect(first.headers['holdfast-cookie']).toBe('set: the session is new')
    expect((await visitor.get('/look')).headers['holdfast-session']).toMatch(/^loaded; not saved: /)
    expect((await visitor.get('/out')).headers['holdfast-session']).toMatch(/; ended: the handler asked for it$/)
  })
})
