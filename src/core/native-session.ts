import { CONTROLS, SessionHolder, sealOff } from './controls.ts'
import { type Data, dataOf } from './json.ts'

const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * The session in native mode, the same class in every framework. It has no `id` and no `cookie`; data of a method's name
 * hide the method, which is then still a function of `holdfast`.
 */
export class NativeSession extends SessionHolder {
  /** Its data and nothing else: what stands behind it knows the id. */
  [INSPECT](): Data {
    return dataOf(this)
  }

  /** Writes the session now, changed or not. */
  save(): Promise<void> {
    return this[CONTROLS].save()
  }

  /** Gives the session a new id; the old one is dead when this returns. */
  regenerate(): Promise<void> {
    return this[CONTROLS].regenerate()
  }

  /** Ends the session now, in the store and in the browser. */
  destroy(): Promise<void> {
    return this[CONTROLS].destroy()
  }

  /** Takes what is stored now. False if the session has been ended meanwhile. */
  reload(): Promise<boolean> {
    return this[CONTROLS].reload()
  }

  /** Runs a synchronous function on the latest data until it lands. */
  update(change: (draft: this) => void): Promise<void> {
    return this[CONTROLS].update(change as (draft: Data) => void)
  }
}

sealOff(NativeSession)
