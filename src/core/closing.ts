/** A response or a connection, as far as its end goes. */
interface Closing {
  readonly destroyed: boolean
  once(event: 'close', listener: () => void): unknown
  removeListener(event: 'close', listener: () => void): unknown
}

/**
 * Calls `listener` when the answer is over, whether it was sent or broken off; at once if it is. An answer that has waited behind another
 * one on its connection (HTTP/1.1 pipelining) never says that it is closed: then the end of the connection does.
 */
export function whenClosed(res: Closing, connection: Closing | undefined, listener: () => void): void {
  if (res.destroyed || connection?.destroyed) {
    listener()
    return
  }
  const closed = () => {
    res.removeListener('close', closed)
    connection?.removeListener('close', closed)
    listener()
  }
  res.once('close', closed)
  connection?.once('close', closed)
}
