import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 16

export interface Leak {
  kind: string
  /** What was said around it, the secret itself cut. */
  where: string
}

/** Secrets by their first letters: a text of any length is searched once, whatever their number. */
export class Secrets {
  readonly #byPrefix = new Map<string, { kind: string; text: string }[]>()
  size = 0

  add(kind: string, text: string): void {
    if (text.length < PREFIX) return
    const prefix = text.slice(0, PREFIX)
    const list = this.#byPrefix.get(prefix) ?? []
    if (list.some(known => known.text === text)) return
    this.#byPrefix.set(prefix, [...list, { kind, text }])
    this.size++
  }

  leaks(text: string): Leak[] {
    const found: Leak[] = []
    /** What is shown of a leak shows no other one. */
    let end = 0
    for (let at = 0; at + PREFIX <= text.length; at++) {
      // A token may begin with its id: the longest one counts.
      const hits = this.#byPrefix.get(text.slice(at, at + PREFIX))?.filter(secret => text.startsWith(secret.text, at)) ?? []
      const hit = hits.sort((a, b) => b.text.length - a.text.length)[0]
      if (!hit) continue
      found.push({ kind: hit.kind, where: `${text.slice(Math.max(end, at - 80), at)}${hit.text.slice(0, 6)}…` })
      at += hit.text.length - 1
      end = at + 1
    }
    return found
  }
}

/** What the recorder has left in a folder: no secret of any process may have been said by any process. */
export function scan(folder: string): { secrets: number; said: number; leaks: Leak[] } {
  const filesOf = (kind: string) => readdirSync(folder).filter(name => name.endsWith(kind))
  const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')
  const secrets = new Secrets()
  for (const name of filesOf('.secrets')) {
    // The last line of a process that was killed may be half.
    for (const line of textOf(name)
      .split('\n')
      .filter(line => line.endsWith(']'))) {
      const [kind, secret] = JSON.parse(line) as [string, string]
      secrets.add(kind, secret)
    }
  }
  let said = 0
  const leaks: Leak[] = []
  // One at a time: a suite says much with debugging on.
  for (const name of filesOf('.said')) {
    const text = textOf(name)
    said += text.length
    leaks.push(...secrets.leaks(text))
  }
  return { secrets: secrets.size, said, leaks }
}
