/** The user's own data: what a handler reads and writes. */
export type Data = Record<string, unknown>

/** Data as a backend keeps it: JSON text, or an object where a peer's store deals in objects. */
export type Content = string | Data

/** What of an object is session data: its own enumerable keys, without functions. `__proto__` is a key like any other. */
export function dataOf(holder: object): Data {
  const data: Data = {}
  for (const key of Object.keys(holder)) {
    const value = (holder as Data)[key]
    if (typeof value !== 'function') put(data, key, value)
  }
  return data
}

/** What JSON writes of an object as of `dataOf`: it has no functions either, and a clone by spread costs a quarter of that loop. */
export function plainJson(holder: object): Data {
  return Object.hasOwn(holder, 'toJSON') ? dataOf(holder) : { ...holder }
}

/** Sets a key as the object's own, so that `__proto__` is data and never a prototype. */
export function put(target: object, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  else (target as Data)[key] = value
}

/** Content as data that are the caller's own. */
export function plain(content: Content): Data {
  return typeof content === 'string' ? parseData(content) : copy(content)
}

/** Keeps every key that JSON text can hold; the prototype of what it returns is never the text's choice. */
export function parseData(text: string): Data {
  const value: unknown = JSON.parse(text)
  return isPlain(value) ? value : {}
}

function isPlain(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A deep copy of plain objects, arrays, dates and other built-ins, which shares nothing with the original. An instance of a
 * class cannot be copied in general (private fields, internal slots): it is kept as it is, and `onInstance` is told.
 */
export function copy<T>(value: T, onInstance?: () => void): T {
  return copyOf(value, new Twins(), onInstance) as T
}

function copyOf(value: unknown, twins: Twins, onInstance: (() => void) | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = twins.of(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const out: unknown[] = []
    twins.add(value, out)
    for (let i = 0; i < value.length; i++) out.push(copyOf(value[i], twins, onInstance))
    return out
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return copyInside({ ...value }, value, twins, onInstance)
  if (prototype === null) return copyInside(Object.assign(Object.create(null), value), value, twins, onInstance)
  if (value instanceof Date) return new Date(value.getTime())
  onInstance?.()
  return value
}

function copyInside(out: Data, original: object, twins: Twins, onInstance: (() => void) | undefined): Data {
  twins.add(original, out)
  for (const key of Object.keys(out)) {
    const item = out[key]
    if (typeof item === 'object' && item !== null) put(out, key, copyOf(item, twins, onInstance))
  }
  return out
}

const FEW = 24

/** Objects and their copies. Most data have few, and a search through these costs half of what a map does: 1.9 µs for 3.6 at 2 KB. */
class Twins {
  readonly #originals: object[] = []
  readonly #copies: object[] = []
  #map: Map<object, object> | undefined

  of(original: object): object | undefined {
    if (this.#map) return this.#map.get(original)
    const place = this.#originals.indexOf(original)
    return place === -1 ? undefined : this.#copies[place]
  }

  add(original: object, twin: object): void {
    this.#map?.set(original, twin)
    if (this.#map) return
    this.#copies.push(twin)
    if (this.#originals.push(original) > FEW) this.#map = new Map(this.#originals.map((one, place) => [one, this.#copies[place] as object]))
  }
}

/** What JSON.stringify would write, as plain data: to compare with later, whatever becomes of the original. */
export function jsonCopy(value: Data): Data {
  return JSON.parse(JSON.stringify(value)) as Data
}

/** Whether both would give the same JSON text, key order included, without writing either. */
export function sameJson(a: unknown, b: unknown, key = ''): boolean {
  if (a === b && (typeof a !== 'object' || a === null)) return true
  const left = plainOf(a, key)
  const right = plainOf(b, key)
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    // In an array, JSON writes what it cannot write as null.
    for (let i = 0; i < left.length; i++) if (!sameJson(left[i] ?? null, right[i] ?? null, String(i))) return false
    return true
  }
  const leftKeys = jsonKeys(left as Data)
  const rightKeys = jsonKeys(right as Data)
  if (leftKeys.length !== rightKeys.length) return false
  for (let i = 0; i < leftKeys.length; i++) {
    const name = leftKeys[i] as string
    if (name !== rightKeys[i] || !sameJson((left as Data)[name], (right as Data)[name], name)) return false
  }
  return true
}

/** The value that JSON.stringify would go on with. `toJSON` is asked once; what it gives is taken as it is. */
function plainOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return primitive(value)
  const { toJSON } = value as { toJSON?: unknown }
  const plain: unknown = typeof toJSON === 'function' ? toJSON.call(value, key) : value
  if (plain === value && (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)) return value
  if (plain instanceof Number || plain instanceof String || plain instanceof Boolean) return primitive(plain.valueOf())
  return primitive(plain)
}

function primitive(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  return jsonless(value) ? undefined : value
}

function jsonKeys(object: Data): string[] {
  const keys = Object.keys(object)
  for (const key of keys) if (isLeftOut(object[key], key)) return keys.filter(name => !isLeftOut(object[name], name))
  return keys
}

function isLeftOut(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null ? 'toJSON' in value && jsonless(plainOf(value, key)) : jsonless(value)
}

function jsonless(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol'
}

/**
 * Makes `target` say what `source` says. A value that says the same already stays the same object, since a handler may still
 * hold it and change it; any other is replaced whole, and never changed inside: it may be the app's own, and shared.
 */
export function assume(target: object, source: Data): void {
  const data = target as Data
  for (const key of Object.keys(target)) if (!Object.hasOwn(source, key) && typeof data[key] !== 'function') delete data[key]
  for (const key of Object.keys(source)) {
    if (!Object.hasOwn(target, key) || !sameJson(data[key], source[key])) put(target, key, source[key])
  }
}

/** The way to what is nested more than `levels` deep; undefined if nothing is. The object itself is the first level. */
export function depthPath(value: unknown, levels: number): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (levels === 0) return []
  for (const key of Object.keys(value)) {
    const path = depthPath((value as Data)[key], levels - 1)
    if (path) return [key, ...path]
  }
  return undefined
}

/** The five largest of the data's keys, largest first, by the octets of their JSON. */
export function largestKeys(data: Data, octetsOf: (text: string) => number): Array<{ key: string; octets: number }> {
  const sizes = Object.keys(data).map(key => ({ key, octets: octetsOf(JSON.stringify(data[key]) ?? '') }))
  return sizes.sort((a, b) => b.octets - a.octets).slice(0, 5)
}
