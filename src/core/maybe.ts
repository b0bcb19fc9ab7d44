/** A value now, or a promise of it. Cookie mode answers now: Koa's `ctx.session` is a plain synchronous property. */
export type MaybePromise<T> = T | Promise<T>

export function isPromise<T>(value: MaybePromise<T> | PromiseLike<T>): value is Promise<T>
export function isPromise(value: unknown): value is Promise<unknown>
export function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}

/** Goes on with a value at once, or when its promise is fulfilled. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value)
}
