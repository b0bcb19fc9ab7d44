/** How the lanes of a proxy are at the moment. */
export interface Traffic {
  held: boolean
  delayMs: number
}

/** One direction of a connection: what is to be done for what comes, in its order, at once or when it may. */
export class Lane {
  readonly #traffic: Traffic
  readonly #waiting: { action: () => void; due: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(traffic: Traffic) {
    this.#traffic = traffic
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(action: () => void): void {
    this.#waiting.push({ action, due: performance.now() + this.#traffic.delayMs })
    this.pump()
  }

  /** Does what may be done by now, and comes back for what may be done later. */
  pump(): void {
    clearTimeout(this.#timer)
    for (let first = this.#waiting[0]; first && !this.#traffic.held; first = this.#waiting[0]) {
      const ms = first.due - performance.now()
      if (ms > 0 && this.#traffic.delayMs > 0) {
        this.#timer = setTimeout(() => this.pump(), ms)
        return
      }
      this.#waiting.shift()
      first.action()
    }
  }
}
