/** Twelve rivals are enough to overlap in a store that lets them. */
export function rivals<T>(make: (n: number) => T): T[] {
  return Array.from({ length: 12 }, (_, n) => make(n))
}

/** Starts both before either is answered; every other time the second one first. */
export async function race<A, B>(n: number, first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  if (n % 2 === 0) return Promise.all([first(), second()])
  const later = second()
  return Promise.all([first(), later])
}
