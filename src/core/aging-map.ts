/** So many entries may be set, whatever the size, before the place of the oldest is looked for anew. */
const SLACK = 1000

/**
 * A map whose oldest entry can be dropped at the same cost however many there are. What has been deleted leaves an empty place behind, and
 * each new iterator steps over all of them; so one stays where the oldest is. Not for ever: it would keep alive every table that the map
 * has outgrown since.
 */
export class AgingMap<V> extends Map<string, V> {
  #front: Iterator<string> | undefined
  #setSince = 0

  override set(key: string, value: V): this {
    if (this.#front && ++this.#setSince > SLACK + this.size / 2) this.#front = undefined
    return super.set(key, value)
  }

  override clear(): void {
    this.#front = undefined
    super.clear()
  }

  /** Its key; undefined if there is none. */
  dropOldest(): string | undefined {
    if (this.size === 0) return undefined
    let oldest = this.#front?.next()
    if (!oldest || oldest.done) {
      this.#front = this.keys()
      oldest = this.#front.next()
    }
    this.#setSince = 0
    // What it has come to is dropped at once, so nothing that is left is older than where it stands.
    this.delete(oldest.value)
    return oldest.value
  }
}
