import type { Data } from './json.ts'

/** What an adapter lets the functions of `holdfast` do to the session that a handler holds. */
export interface SessionControls {
  readonly id: string | undefined
  readonly isNew: boolean
  save(): Promise<void>
  regenerate(): Promise<void>
  destroy(): Promise<void>
  reload(): Promise<boolean>
  update(change: (draft: Data) => unknown): Promise<void>
}

/**
 * Where a session object keeps its controls. A symbol, the same in each copy of this package: it is no name that a user's
 * data could have.
 */
export const CONTROLS: unique symbol = Symbol.for('holdfast.controls')

/**
 * The object that a handler holds. Its own enumerable properties are the user's data and nothing else; every name that an
 * adapter gives it stands on a prototype, so that data of the same name simply hides it.
 */
export class SessionHolder {
  readonly #controls: SessionControls

  constructor(controls: SessionControls) {
    this.#controls = controls
  }

  get [CONTROLS](): SessionControls {
    return this.#controls
  }
}

/** Has a name, for tools that print it, and leads nowhere. */
function Session(): void {}
Object.freeze(Session.prototype)
Object.freeze(Session)

/**
 * Closes the ways from a session to what all sessions share: `session.__proto__ = value` stores data, as any other name
 * does, and without such data neither `__proto__` nor `constructor` gives anything that could be changed.
 */
export function sealOff(holder: { prototype: object }): void {
  Object.defineProperties(holder.prototype, {
    constructor: { value: Session, writable: true, configurable: true },
    // Computed: a plain `__proto__:` would be the literal's own prototype.
    ['__proto__']: {
      configurable: true,
      get(): undefined {
        return undefined
      },
      set(this: object, value: unknown) {
        Object.defineProperty(this, '__proto__', { value, enumerable: true, writable: true, configurable: true })
      },
    },
  })
}

sealOff(SessionHolder)

export function controlsOf(session: object): SessionControls {
  const controls = (session as { [CONTROLS]?: SessionControls })[CONTROLS]
  if (!controls) throw new TypeError('not a Holdfast session: pass ctx.session as the handler got it')
  return controls
}
