interface Entry {
  end: number
  key: string
}

/** Keys by the time of their end, earliest first: a binary heap, so that a full store finds what has ended at once. */
export class EndQueue {
  readonly #heap: Entry[] = []

  push(end: number, key: string): void {
    const heap = this.#heap
    let at = heap.length
    heap.push({ end, key })
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#end(parent) <= end) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes out a key whose end lies before `now`, if there is one. */
  takeBefore(now: number): string | undefined {
    const [first] = this.#heap
    // Not `>=`: a time that is no number must not come out again and again.
    if (!first || !(first.end < now)) return undefined
    const last = this.#heap.pop() as Entry
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink()
    }
    return first.key
  }

  get size(): number {
    return this.#heap.length
  }

  clear(): void {
    this.#heap.length = 0
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const next = this.#end(left + 1) < this.#end(left) ? left + 1 : left
      if (this.#end(next) >= this.#end(at)) return
      this.#swap(at, next)
      at = next
    }
  }

  #end(at: number): number {
    return this.#heap[at]?.end ?? Number.POSITIVE_INFINITY
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    const entry = heap[a] as Entry
    heap[a] = heap[b] as Entry
    heap[b] = entry
  }
}
