import type { Context } from 'koa'
import type { Plan } from './plan.ts'
import type { RequestSession } from './request-session.ts'

/** One `session()`: where it keeps a request's part, and how that begins. */
export class Instance {
  readonly #slot = Symbol('holdfast.session')
  readonly #plan: () => Plan

  constructor(plan: () => Plan) {
    this.#plan = plan
  }

  of(ctx: Context): RequestSession {
    const own = ctx as unknown as Record<symbol, RequestSession | undefined>
    let request = own[this.#slot]
    if (!request) {
      request = this.#plan().begin(ctx)
      own[this.#slot] = request
    }
    return request
  }
}

type Slots = Record<symbol, Instance | undefined>

/**
 * A name on the context, such as `session`. Of several instances under one name, the first answers until another one's
 * middleware runs. Which one answers is kept on the request's context, and on its prototype before that.
 */
export class ContextProperty {
  readonly #slot: symbol

  private constructor(slot: symbol) {
    this.#slot = slot
  }

  static of(name: string): ContextProperty {
    return new ContextProperty(Symbol.for(`holdfast.property.${name}`))
  }

  /** Whether another instance has this name already. */
  taken(context: object): boolean {
    return this.#slot in context
  }

  /** Defines the name on the app's context. Configurable, so that test tools can put something else there. */
  define(context: object, name: string, first: Instance): void {
    Object.defineProperty(context, this.#slot, { value: first, writable: true, configurable: true })
    const slot = this.#slot
    const current = (ctx: Context): RequestSession => ((ctx as unknown as Slots)[slot] ?? first).of(ctx)
    Object.defineProperties(context, {
      [name]: {
        configurable: true,
        get(this: Context) {
          return current(this).get()
        },
        set(this: Context, value: unknown) {
          current(this).set(value)
        },
      },
      [`${name}Options`]: {
        configurable: true,
        get(this: Context) {
          return (current(this) as { sessionOptions?: unknown }).sessionOptions
        },
      },
    })
  }

  /** From now on, this instance answers in this request. */
  use(ctx: Context, name: string, instance: Instance): void {
    // A sub-application's middleware may run on a context of another application, which does not know the name yet.
    if (!(this.#slot in ctx)) this.define(ctx, name, instance)
    else (ctx as unknown as Slots)[this.#slot] = instance
  }
}
