import type { IndexedSessionStore } from 'holdfast'
import { onTestFinished } from 'vitest'
import { startProxy, type TcpProxy } from '../../servers/proxy.ts'
import { places } from '../subjects.ts'
import { changed } from './sabotage.ts'
import type { SiteSetup, Stage } from './stage.ts'

/** A time in which the store is of no use. */
export interface Fault {
  /** How a site must be set up for it. */
  setup: Pick<SiteSetup, 'url' | 'wrap'>
  begin(): Promise<void>
  /** Resolves when the store is back. */
  end(): Promise<void>
}

/** The store fails: its server is killed, its table or folder is not there; only of memory must it be pretended. */
export async function failure({ ground, space, subject }: Stage): Promise<Fault> {
  const { server } = ground
  if (server) return mended({ setup: {}, begin: () => server.kill(), end: () => server.start() })
  const { vandal } = places[subject.place]
  if (vandal) return mended({ setup: {}, ...vandal(ground, space, subject.client ?? '') })
  return pretended(() => Promise.reject(new Error('the store is out of order')))
}

/** The store keeps silent: nothing of what is sent is answered. Only of an embedded one must it be pretended. */
export async function silence(stage: Stage): Promise<Fault> {
  const { server, nodes } = stage.ground
  if (!server) return pretended(() => new Promise(() => {}))
  if (nodes) {
    // They tell clients where they are, so no proxy can stand before them. What might write waits; to Redis any script might.
    const each = async (...command: string[]) => void (await Promise.all(nodes.map(node => node.cli('CLIENT', ...command))))
    return mended({ setup: {}, begin: () => each('PAUSE', '60000', 'WRITE'), end: () => each('UNPAUSE') })
  }
  const { proxy, url } = await throughProxy(stage)
  return { setup: { url }, begin: async () => proxy.hold(), end: async () => proxy.release() }
}

/** Whatever becomes of the test, the next one finds the store as it was. */
function mended({ setup, begin, end }: Fault): Fault {
  let broken = false
  const mend = async () => {
    if (!broken) return
    broken = false
    await end()
  }
  onTestFinished(mend)
  return {
    setup,
    async begin() {
      broken = true
      await begin()
    },
    end: mend,
  }
}

/** A proxy before the server, and the server's address by way of it. */
export async function throughProxy({ ground: { server, url } }: Stage): Promise<{ proxy: TcpProxy; url: string }> {
  if (!server) throw new Error('there is no server to stand before')
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.stop())
  return { proxy, url: url.replace(`:${server.port}`, `:${proxy.port}`) }
}

function pretended(answer: () => Promise<never>): Fault {
  let on = false
  const wrap = (store: IndexedSessionStore) =>
    changed(
      store,
      Object.fromEntries(
        (['load', 'create', 'save', 'replace', 'touch', 'delete'] as const).map(name => [
          name,
          (...args: unknown[]) => (on ? answer() : Reflect.apply(store[name], store, args)),
        ]),
      ),
    )
  return {
    setup: { wrap },
    begin: async () => {
      on = true
    },
    end: async () => {
      on = false
    },
  }
}
