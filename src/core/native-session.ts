import { CONTROLS, type LogoutOptions, SessionHolder, sealOff, userControlsOf } from './controls.ts'
import { type Data, dataOf } from './json.ts'
import type { LoginOptions, ReauthenticatedOptions, RegenerateOptions } from './login.ts'
import type { Duration } from './options.ts'

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
  regenerate(options?: RegenerateOptions): Promise<void> {
    return this[CONTROLS].regenerate(options)
  }

  /** Logs a user in: a new id, a new life, and the session is theirs. */
  login(userId: string, options?: LoginOptions): Promise<void> {
    return userControlsOf(this).login(userId, options)
  }

  /** Ends the session now, in the store and in the browser. */
  logout(options?: LogoutOptions): Promise<void> {
    return userControlsOf(this).logout(options)
  }

  /** Throws an error that becomes a 401, unless the user has proved who they are within this time. */
  requireFresh(within: Duration): void {
    userControlsOf(this).requireFresh(within)
  }

  /** The user has just proved once more who they are: a new id, and `requireFresh` counts from now. */
  reauthenticated(options?: ReauthenticatedOptions): Promise<void> {
    return userControlsOf(this).reauthenticated(options)
  }

  /** The user's password or second factor has changed: all their other sessions end. How many; those in cookies are not counted. */
  factorChanged(): Promise<number> {
    return userControlsOf(this).factorChanged()
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
