const AT_ONCE = 8

/** The same for each of many, a few at a time: a store has a handful of connections, and other work. */
export async function inBatches<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE) await Promise.all(items.slice(from, from + AT_ONCE).map(act))
}
