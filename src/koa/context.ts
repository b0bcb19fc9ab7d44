import type { Context } from 'koa'
import type { Plan } from './plan.ts'
import type { KoaRequestSession } from './request-session.ts'

/** One `session()`: where it keeps a request's part, and how that begins. */
export class Instance {
  readonly #slot = Symbol('holdfast.session')
  readonly #came = Symbol('holdfast.came')
  readonly #plan: () => Plan

  constructor(plan: () => Plan) {
    this.#plan = plan
  }

  /** This request's part. It is the context's own: what lies on a prototype would be everybody's. */
  of(ctx: Context): KoaRequestSession {
    return this.begun(ctx) ?? this.#begin(ctx, this.#plan())
  }

  #begin(ctx: Context, plan: Plan): KoaRequestSession {
    const request = plan.begin(ctx)
    const came = Object.hasOwn(ctx, this.#came) ? (ctx as unknown as Record<symbol, number>)[this.#came] : undefined
    if (came !== undefined) request.came(came)
    return this.join(ctx, request)
  }

  /** The same where it has begun. */
  begun(ctx: Context): KoaRequestSession | undefined {
    return Object.hasOwn(ctx, this.#slot) ? (ctx as unknown as Record<symbol, KoaRequestSession>)[this.#slot] : undefined
  }

  /** This request's part, or undefined where nothing is asked of it before somebody looks at the session. */
  meet(ctx: Context): KoaRequestSession | undefined {
    const known = this.begun(ctx)
    if (known) return known
    const plan = this.#plan()
    if (plan.attends || plan.manager.eager) return this.#begin(ctx, plan)
    ;(ctx as unknown as Record<symbol, number>)[this.#came] = plan.manager.now()
    return undefined
  }

  join(ctx: Context, request: KoaRequestSession): KoaRequestSession {
    ;(ctx as unknown as Record<symbol, KoaRequestSession>)[this.#slot] = request
    return request
  }

  /** Whether a request's part that another instance began is this one's as well: the same session, under the same cookie. */
  shares(request: KoaRequestSession): boolean {
    return this.#plan().sameAs(request.plan)
  }
}

const NOTHING = (): void => undefined

type Slots = Record<symbol, Instance | undefined>

/**
 * A name on the context, such as `session`. Of several instances under one name, the first answers until another one's
 * middleware runs, and again when that has run. Which one answers is kept on the request's context.
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
    // The app's context itself belongs to no request, and whoever inspects it gets nothing.
    const current = (ctx: Context): KoaRequestSession | undefined =>
      ctx.req ? ((ctx as unknown as Slots)[slot] ?? first).of(ctx) : undefined
    Object.defineProperties(context, {
      [name]: {
        configurable: true,
        get(this: Context) {
          return current(this)?.get()
        },
        set(this: Context, value: unknown) {
          current(this)?.set(value)
        },
      },
      [`${name}Options`]: {
        configurable: true,
        get(this: Context) {
          return (current(this) as { sessionOptions?: unknown } | undefined)?.sessionOptions
        },
      },
    })
  }

  /** From now on this instance answers in this request. What it gives back makes the one before it answer again. */
  use(ctx: Context, name: string, instance: Instance): () => void {
    const slots = ctx as unknown as Slots
    const before = slots[this.#slot]
    // A sub-application's middleware may run on a context of another application, which does not know the name yet.
    if (!before) {
      this.define(ctx, name, instance)
      return NOTHING
    }
    if (before === instance) return NOTHING
    // Two applications, one mounted in the other, with one cookie: one session, or they would overwrite each other.
    const active = before.of(ctx)
    if (instance.shares(active)) instance.join(ctx, active)
    slots[this.#slot] = instance
    return () => {
      slots[this.#slot] = before
    }
  }
}
