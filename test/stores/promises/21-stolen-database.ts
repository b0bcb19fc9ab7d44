import { createHash } from 'node:crypto'
import { type IndexedSessionStore, idOf } from 'holdfast'
import { expect } from 'vitest'
import { logout, renew, type Turn, write } from '../../promises/support.ts'
import type { Check } from '../http/check.ts'
import { dump } from '../http/dump.ts'

/** A text in the forms in which a database, or a dump of it, might have it. */
function forms(text: string): string[] {
  const octets = Buffer.from(text)
  return [
    text,
    octets.toString('base64').replace(/=+$/, ''),
    octets.toString('base64url'),
    octets.toString('hex'),
    encodeURIComponent(text),
  ]
}

/** What would lead into a session: the id, its secret part, and whatever the browser was given. */
function secretsOf(id: string, cookies: Iterable<string>): string[] {
  const given = [...cookies].flatMap(value => [value, decodeURIComponent(value), ...value.split(/[.:]/)])
  return [...new Set([id, id.slice(id.indexOf('.') + 1), ...given])].filter(text => text.length >= 16)
}

const onlyHashes: Check = {
  once: true,
  name: 'promise 21: all that the store holds contains neither an id nor a cookie, but the SHA-256 of each id',
  async run(stage) {
    const handed: string[] = []
    const ids: string[] = []
    const told = (turn: Turn) => {
      ids.push(idOf(turn.session) ?? '')
      return 'told'
    }
    const site = await stage.site({
      wrap: store => listening(store, handed),
      native: { user: (data: { userId?: string }) => data.userId },
      routes: {
        '/in': write({ userId: 'the user', note: 'the marker of this session' }),
        '/id': told,
        '/renew': renew,
        '/out': logout,
      },
    })
    const visitors = [site.visitor(), site.visitor(), site.visitor()] as const
    const secrets: string[] = []
    for (const [n, visitor] of visitors.entries()) {
      await visitor.get('/in')
      const collect = async () => {
        await visitor.get('/id')
        secrets.push(...secretsOf(ids.at(-1) ?? '', visitor.cookies.values()))
      }
      await collect()
      // One stays as it is, one gets a new id, one is ended: tombstones must not tell either.
      if (n > 0) await visitor.get('/renew')
      await collect()
      if (n > 1) await visitor.get('/out')
    }
    expect(new Set(ids)).toHaveLength(5)

    const scope = stage.native ? site.cookieName : 'koa.sess'
    const text = `${await dump(stage, site.opened.store)}\n${handed.join('\n')}`
    expect(text).toContain('the marker of this session')
    expect(secrets.flatMap(forms).filter(secret => text.includes(secret))).toEqual([])
    const hashes = ids.map(id => createHash('sha256').update(`${scope}\0${id}`).digest('base64url'))
    expect(hashes.filter(hash => !text.includes(hash))).toEqual([])
  },
}

/** Writes down whatever the library hands to the store. */
function listening(store: IndexedSessionStore, handed: string[]): IndexedSessionStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        handed.push(JSON.stringify(args))
        return member.apply(target, args)
      }
    },
  })
}

export const stolenDatabase: readonly Check[] = [onlyHashes]
