interface Crumb {
  value: string
  path: string
  domain: string | undefined
  secure: boolean
  expires: number | undefined
}

export interface Visit {
  host: string
  path: string
  secure: boolean
}

/**
 * A browser's cookies, small and honest: domain, path, Secure and expiry decide what is sent.
 * It can also be dishonest on request: keep what has expired, go back to an older state, or send what no server gave it.
 */
export class Jar {
  #crumbs = new Map<string, Crumb>()

  /** A visitor who edits the expiry of cookies: what a server deletes or lets expire is sent on. */
  keepsExpired = false

  /** Takes the Set-Cookie lines of one answer, in their order. */
  take(lines: string[], visit: Visit): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split('; ')
      const split = pair.indexOf('=')
      const crumb: Crumb = { value: pair.slice(split + 1), path: '/', domain: undefined, secure: false, expires: undefined }
      for (const attribute of attributes) {
        const [written = '', value = ''] = attribute.split('=')
        const name = written.toLowerCase()
        if (name === 'path') crumb.path = value
        if (name === 'domain') crumb.domain = value.replace(/^\./, '')
        if (name === 'secure') crumb.secure = true
        if (name === 'expires') crumb.expires = Date.parse(value)
      }
      if (crumb.domain !== undefined && !matchesDomain(visit.host, crumb.domain)) continue
      if (crumb.secure && !visit.secure) continue
      const ended = crumb.expires !== undefined && crumb.expires <= Date.now()
      if (ended && this.keepsExpired) continue
      if (ended) this.#crumbs.delete(pair.slice(0, split))
      else this.#crumbs.set(pair.slice(0, split), crumb)
    }
  }

  /** The Cookie header that a browser would send, or undefined for none. */
  header(visit: Visit): string | undefined {
    const sent = [...this.#crumbs].filter(([, crumb]) => this.#applies(crumb, visit))
    return sent.length === 0 ? undefined : sent.map(([name, crumb]) => `${name}=${crumb.value}`).join('; ')
  }

  #applies(crumb: Crumb, visit: Visit): boolean {
    if (crumb.domain !== undefined && !matchesDomain(visit.host, crumb.domain)) return false
    if (crumb.secure && !visit.secure) return false
    if (crumb.expires !== undefined && crumb.expires <= Date.now() && !this.keepsExpired) return false
    return visit.path === crumb.path || visit.path.startsWith(crumb.path.endsWith('/') ? crumb.path : `${crumb.path}/`)
  }

  get(name: string): string | undefined {
    return this.#crumbs.get(name)?.value
  }

  names(): string[] {
    return [...this.#crumbs.keys()]
  }

  /** Puts a cookie that no server sent, or changes the value of one that is there. */
  set(name: string, value: string): void {
    const crumb = this.#crumbs.get(name) ?? { path: '/', domain: undefined, secure: false, expires: undefined }
    this.#crumbs.set(name, { ...crumb, value })
  }

  remove(name: string): void {
    this.#crumbs.delete(name)
  }

  /** What the jar holds now, to be put back later by `restore`: a replay of old cookies. */
  snapshot(): ReadonlyMap<string, Crumb> {
    return new Map(this.#crumbs)
  }

  restore(snapshot: ReadonlyMap<string, Crumb>): void {
    this.#crumbs = new Map(snapshot)
  }
}

function matchesDomain(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}
