/** A response, as far as its end goes. */
interface Closing {
  readonly destroyed: boolean
  once(event: 'close', listener: () => void): unknown
}

/** Calls `listener` when the answer is over, whether it was sent or broken off; at once if it is. */
export function whenClosed(res: Closing, listener: () => void): void {
  if (res.destroyed) listener()
  else res.once('close', listener)
}
