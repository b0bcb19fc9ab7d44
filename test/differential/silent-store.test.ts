import { describe, expect, it } from 'vitest'
import { listen } from '../support/http.ts'
import { type Ctx, createApp, holdfast, koaMajors, peer, type Subject } from '../support/subjects.ts'

/** A store whose `get` answers only when it is let go. */
function silentStore() {
  let release: (() => void) | undefined
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  return { get: () => released, set: async () => {}, destroy: async () => {}, release: () => release?.() }
}

async function visit(subject: Subject, koa: 2 | 3, store: ReturnType<typeof silentStore>) {
  const app = createApp(koa)
  const errors: { name: string; outcome?: string }[] = []
  app.keys = ['a key']
  app.on('error', (error: { name: string; outcome?: string }) => errors.push(error))
  app.use(subject.session({ store, signed: false, storeTimeout: 50 }, app))
  app.use((ctx: Ctx) => {
    ctx.body = String(ctx.session.isNew)
  })
  const server = await listen(app.callback())
  const answer = server.send('GET', '/', { cookie: 'koa.sess=an-id' })
  return { server, answer, errors }
}

describe.each(koaMajors)('a store that never answers, on Koa %s', koa => {
  it('keeps koa-session waiting until it does; Holdfast gives up after storeTimeout with a typed error', async () => {
    const [theirStore, ourStore] = [silentStore(), silentStore()]
    const theirs = await visit(peer, koa, theirStore)
    const ours = await visit(holdfast, koa, ourStore)
    let answered = false
    void theirs.answer.then(() => {
      answered = true
    })
    try {
      expect((await ours.answer).status).toBe(500)
      expect(ours.errors).toMatchObject([{ name: 'SessionStoreError', outcome: 'unknown' }])
      expect(answered).toBe(false)
      theirStore.release()
      expect((await theirs.answer).status).toBe(200)
      expect(theirs.errors).toEqual([])
    } finally {
      theirStore.release()
      ourStore.release()
      await theirs.server.close()
      await ours.server.close()
    }
  })
})
