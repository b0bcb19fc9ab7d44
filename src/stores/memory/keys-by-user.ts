/** The keys of each user's sessions, oldest first. */
export class KeysByUser {
  readonly #keys = new Map<string, Set<string>>()

  add(userKey: string, key: string): void {
    const keys = this.#keys.get(userKey)
    if (keys) keys.add(key)
    else this.#keys.set(userKey, new Set([key]))
  }

  delete(userKey: string, key: string): void {
    const keys = this.#keys.get(userKey)
    keys?.delete(key)
    if (keys?.size === 0) this.#keys.delete(userKey)
  }

  of(userKey: string): string[] {
    return [...(this.#keys.get(userKey) ?? [])]
  }

  clear(): void {
    this.#keys.clear()
  }
}
