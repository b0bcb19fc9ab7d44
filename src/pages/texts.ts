/** Texts of a page by their names. `{name}` in a text stands for a value. */
export type Texts = Readonly<Record<string, string>>

/** The texts with an app's own in the place of some. A name that no text has, and what is no text, is a `TypeError`. */
export function textsWith<T extends Texts>(where: string, usual: T, own: Partial<T> | undefined): T {
  for (const [name, text] of Object.entries(own ?? {})) {
    if (!Object.hasOwn(usual, name)) {
      throw new TypeError(`${where}: there is no text "${name}"; there are ${Object.keys(usual).join(', ')}`)
    }
    if (typeof text !== 'string' || text === '') throw new TypeError(`${where}: the text "${name}" must be a text that is not empty`)
    for (const [mark] of (usual[name] as string).matchAll(/\{\w+\}/g)) {
      if (!text.includes(mark)) throw new TypeError(`${where}: the text "${name}" lacks ${mark}`)
    }
  }
  return { ...usual, ...own }
}

/** A text with its values in their places. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (mark, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : mark))
}
