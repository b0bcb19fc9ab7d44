/** A store as koa-session's users write one. */
export class MapStore {
  #sessions = new Map()

  async get(id) {
    return this.#sessions.get(id)
  }

  async set(id, data) {
    this.#sessions.set(id, data)
  }

  async destroy(id) {
    this.#sessions.delete(id)
  }
}
