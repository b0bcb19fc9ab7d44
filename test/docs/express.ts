// Express and what stands beside it, for the blocks of the pages.
import { createRequire } from 'node:module'
import peerSession from 'express-session'
import { Store } from 'holdfast/express'

// biome-ignore lint/suspicious/noExplicitAny: blocks are plain JavaScript
type Loose = any
type Names = Record<string, unknown>

/** What an answer of the counter says, which stands behind what a block leaves out. */
export const COUNTER = 'the counter of test/docs'

const require = createRequire(import.meta.url)
const module = (value: unknown): Names => ({ default: value, 'module.exports': value })

/** Packages of Express' world that blocks may import as they are. */
const PACKAGES = ['cookie-parser', 'passport', 'passport-local', 'connect-pg-simple', 'connect-redis', 'memorystore', 'ws', 'socket.io']

/** The apps of Express and connect that a block makes. */
export class Web {
  readonly express: Loose
  readonly modules: Record<string, Names>
  readonly #made = new Set<Loose>()
  readonly #errors: unknown[]

  constructor(apps: Loose[], errors: unknown[]) {
    this.#errors = errors
    const made = (create: Loose) =>
      Object.assign(() => {
        const app = create()
        // Examples set `secure`; here, as behind most proxies, a header says https.
        app.set?.('trust proxy', true)
        apps.push(app)
        this.#made.add(app)
        return app
      }, create)
    this.express = made(require('express'))
    this.modules = { express: module(this.express), connect: module(made(require('connect'))), 'express-session': module(peerSession) }
  }

  async module(name: string): Promise<Names | undefined> {
    return PACKAGES.includes(name) ? ((await import(name)) as Names) : undefined
  }

  require(name: string): unknown {
    return PACKAGES.includes(name) ? require(name) : undefined
  }

  /** Before they answer, the apps get what their blocks left out. */
  finish(): void {
    for (const app of this.#made) {
      app.use((req: Loose, res: Loose, next: Loose) => {
        if (!req.session) return next()
        req.session.views = (req.session.views ?? 0) + 1
        res.setHeader('x-counter', COUNTER)
        res.end(String(req.session.views))
      })
      app.use((error: unknown, _req: Loose, _res: Loose, next: Loose) => {
        this.#errors.push(error)
        next(error)
      })
    }
  }
}

/** An express-session store, as the scope offers it. */
export function connectStore(): unknown {
  const records = new Map<string, string>()
  return Object.assign(new (Store as unknown as new () => object)(), {
    get: (id: string, done: Loose) => done(null, records.has(id) ? JSON.parse(records.get(id) as string) : null),
    set(id: string, session: unknown, done?: Loose) {
      records.set(id, JSON.stringify(session))
      done?.()
    },
    destroy(id: string, done?: Loose) {
      records.delete(id)
      done?.()
    },
  })
}
