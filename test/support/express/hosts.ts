import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { Loose } from '../subjects.ts'

const require = createRequire(import.meta.url)
const express4 = require('express4')
const express5 = require('express')
const connect = require('connect')

export type Host = 'Express 4' | 'Express 5' | 'connect' | 'node:http'

export const expresses: Host[] = ['Express 4', 'Express 5']
export const allHosts: Host[] = [...expresses, 'connect', 'node:http']

/** What a conversation's middleware is hung on: `use` and a listener, whatever stands behind them. */
export function createApp(host: Host): Loose {
  if (host === 'Express 4') return quiet(express4())
  if (host === 'Express 5') return quiet(express5())
  return host === 'connect' ? connect() : new Bare()
}

/** Another application of Express, to be mounted. */
export function subApp(host: Host): Loose {
  return quiet(host === 'Express 4' ? express4() : express5())
}

/** Express prints what reaches its last error handler. */
function quiet(app: Loose): Loose {
  app.set('env', 'test')
  return app
}

/** The listener of an app. */
export function listenerOf(app: Loose): RequestListener {
  return app instanceof Bare ? (req, res) => app.handle(req, res) : app
}

type Middleware = (...args: Loose[]) => unknown

/** Middleware one after the other on node:http, as people write it who have no framework. */
class Bare {
  readonly #stack: Middleware[] = []

  use(middleware: Middleware): void {
    this.#stack.push(middleware)
  }

  handle(req: Loose, res: Loose): void {
    const from = (index: number, error?: unknown): void => {
      const middleware = this.#stack[index]
      if (!middleware) return
      const next = (failure?: unknown) => from(index + 1, failure)
      if (middleware.length > 3 !== Boolean(error)) from(index + 1, error)
      else if (error) middleware(error, req, res, next)
      else middleware(req, res, next)
    }
    from(0)
  }
}
