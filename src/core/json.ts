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

/** Sets a key as the object's own, so that `__proto__` is data and never a prototype. */
export function put(target: object, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  else (target as Data)[key] = value
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
 * A deep copy that shares nothing with the original. Plain objects, arrays and dates are copied by hand, other built-ins
 * by `structuredClone`; instances of classes keep their prototype.
 */
export function copy<T>(value: T): T {
  return copyOf(value, new Map()) as T
}

function copyOf(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const out: unknown[] = []
    seen.set(value, out)
    for (const item of value) out.push(copyOf(item, seen))
    return out
  }
  if (value instanceof Date) return new Date(value.getTime())
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && isBuiltIn(value)) return structuredClone(value)
  const out: object = prototype === Object.prototype ? {} : Object.create(prototype as object | null)
  seen.set(value, out)
  for (const key of Object.keys(value)) put(out, key, copyOf((value as Data)[key], seen))
  return out
}

function isBuiltIn(value: object): boolean {
  return (
    value instanceof Map || value instanceof Set || value instanceof RegExp || ArrayBuffer.isView(value) || value instanceof ArrayBuffer
  )
}

/** Whether both would give the same JSON text, key order included, without writing either. */
export function sameJson(a: unknown, b: unknown): boolean {
  const left = plainOf(a)
  const right = plainOf(b)
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    // In an array, JSON writes what it cannot write as null.
    for (let i = 0; i < left.length; i++) if (!sameJson(left[i] ?? null, right[i] ?? null)) return false
    return true
  }
  const leftKeys = jsonKeys(left as Data)
  const rightKeys = jsonKeys(right as Data)
  if (leftKeys.length !== rightKeys.length) return false
  for (let i = 0; i < leftKeys.length; i++) {
    const key = leftKeys[i] as string
    if (key !== rightKeys[i] || !sameJson((left as Data)[key], (right as Data)[key])) return false
  }
  return true
}

/** The value that JSON.stringify would go on with. */
function plainOf(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return jsonless(value) ? undefined : value
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return plainOf((value as { toJSON(): unknown }).toJSON())
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf()
  return value
}

function jsonKeys(object: Data): string[] {
  const keys = Object.keys(object)
  return keys.some(key => jsonless(object[key])) ? keys.filter(key => !jsonless(object[key])) : keys
}

function jsonless(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol'
}
