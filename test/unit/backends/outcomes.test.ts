// "not-applied" is a promise. A call that fails after another step of the same work was carried out, or may have been, must not make it.
import { describe, expect, it } from 'vitest'
import { insist } from '../../../src/backends/ask.ts'
import { SessionStoreError } from '../../../src/core/errors.ts'
import { session } from '../../../src/fetch/middleware.ts'
import { createSessions } from '../../../src/native/create-sessions.ts'
import { MemoryStore } from '../../../src/stores/memory.ts'
import { secret } from '../support.ts'

const notApplied = () => new SessionStoreError('answer within 1000 ms', { outcome: 'not-applied' })

type Method = 'load' | 'create' | 'save' | 'replace' | 'delete' | 'deleteByUser'
const METHODS: readonly Method[] = ['load', 'create', 'save', 'replace', 'delete', 'deleteByUser']

/** A store whose pool has no connection left: from a method on, or, by its name with `!`, once that was carried out. */
class BusyStore extends MemoryStore {
  from: Method | `${Method}!` | undefined
  #busy = false

  constructor() {
    super()
    for (const name of METHODS) {
      const method = this[name].bind(this) as (...args: unknown[]) => Promise<unknown>
      const call = async (...args: unknown[]) => {
        this.#busy ||= this.from === name
        if (this.#busy) throw notApplied()
        const answer = await method(...args)
        this.#busy = this.from === `${name}!`
        return answer
      }
      Object.defineProperty(this, name, { value: call })
    }
  }

  free(): void {
    this.from = undefined
    this.#busy = false
  }
}

/** A site, and a visitor who has signed in. */
async function signedIn() {
  const store = new BusyStore()
  const sessions = createSessions({ store, keys: [secret(1)] })
  const app = session(sessions)
  const handle = app.handler(async request => {
    const one = app.of(request)
    const { pathname } = new URL(request.url)
    try {
      if (pathname === '/login') {
        await one.login('ann')
        one.user = 'ann'
      }
      if (pathname === '/regenerate') await one.regenerate()
      if (pathname === '/logout') await one.logout()
    } catch (error) {
      return Response.json({ outcome: (error as SessionStoreError).outcome })
    }
    return Response.json({ user: one.user ?? null })
  })
  let cookie = ''
  const ask = async (path: string) => {
    const answer = await handle(new Request(`https://localhost${path}`, { headers: { cookie } }))
    const [line = ''] = answer.headers.getSetCookie()
    if (line) cookie = line.slice(0, line.indexOf(';'))
    return (await answer.json()) as { outcome?: string; user?: string | null }
  }
  expect(await ask('/login')).toEqual({ user: 'ann' })
  return { store, sessions, ask }
}

describe('what is told of a call that fails', () => {
  it('after an attempt whose answer was lost: unknown, whatever the next attempt says', async () => {
    let attempts = 0
    const call = async () => {
      attempts++
      throw attempts === 1 ? new Error('read ECONNRESET') : notApplied()
    }
    await expect(insist(1000, call)).rejects.toMatchObject({
      code: 'HOLDFAST_STORE',
      outcome: 'unknown',
      cause: { outcome: 'not-applied' },
    })
    expect(attempts).toBe(2)
  })

  it('at the first attempt: as the store says', async () => {
    await expect(insist(1000, async () => Promise.reject(notApplied()))).rejects.toMatchObject({ outcome: 'not-applied' })
  })

  it('of a new id that was stored, where nobody can say whether its user may still have it: unknown, for the old id is dead', async () => {
    const { store, ask } = await signedIn()
    store.from = 'replace!'
    expect(await ask('/regenerate')).toEqual({ outcome: 'unknown' })
    store.free()
    expect(await ask('/')).toEqual({ user: null })
  })

  it('of a new id that was not stored: not-applied, and the session lives', async () => {
    const { store, ask } = await signedIn()
    store.from = 'replace'
    expect(await ask('/regenerate')).toEqual({ outcome: 'not-applied' })
    store.free()
    expect(await ask('/')).toEqual({ user: 'ann' })
  })

  it('of a logout: unknown, for it goes on being tried', async () => {
    const { store, sessions, ask } = await signedIn()
    store.from = 'delete'
    await expect(ask('/logout')).rejects.toMatchObject({ outcome: 'unknown' })
    store.free()
    await sessions.close()
  })

  it('of "log out everywhere", once no login that is older counts: unknown', async () => {
    const { store, sessions, ask } = await signedIn()
    store.from = 'deleteByUser'
    await expect(sessions.revokeAll('ann')).rejects.toMatchObject({ outcome: 'unknown' })
    store.free()
    expect(await sessions.revokeAll('ann')).toBe(1)
    expect(await ask('/')).toEqual({ user: null })
    store.from = 'create'
    // Here it was the epoch that could not be kept; those in the index have ended.
    await expect(sessions.revokeAll('bob')).rejects.toMatchObject({ outcome: 'unknown' })
    store.free()
  })
})
