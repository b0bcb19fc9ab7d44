/** @param {number[]} values @param {number} part from 0, the smallest, to 1 */
function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * part
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place % 1)
}

/** @param {number[]} values */
export const median = values => quantile(values, 0.5)

/**
 * What a subject adds to its base, in µs per request, one figure for each launch. Whatever else runs on the machine only ever slows a
 * batch, so the first decile of the batches is the steadiest of what was tried: in a busy machine it varied half as much as their median.
 * A batch is long enough that the collection of young garbage is in each.
 * Launches are kept apart, and of what is made of them (differences, ratios) the median counts: two processes of one program differ by
 * more than two batches of one process, by how the engine happened to compile it.
 * @param {Record<string, Record<string, number[]>>[]} launches
 * @param {string} scenario
 * @param {string} subject
 * @param {string} [base]
 */
export function overheads(launches, scenario, subject, base) {
  const cost = (times, name) => (name ? quantile(times[name][scenario], 0.1) : 0)
  return launches.map(times => cost(times, subject) - cost(times, base))
}

/**
 * The line through points by least squares: how steep it is, and the standard error of that.
 * @param {number[]} xs @param {number[]} ys
 */
export function slope(xs, ys) {
  const mean = list => list.reduce((sum, value) => sum + value, 0) / list.length
  const [x, y] = [mean(xs), mean(ys)]
  const sum = term => xs.reduce((all, one, n) => all + term(one - x, ys[n] - y), 0)
  const spread = sum(dx => dx * dx)
  const perUnit = sum((dx, dy) => dx * dy) / spread
  const rest = sum((dx, dy) => (dy - perUnit * dx) ** 2)
  return { perUnit, error: Math.sqrt(rest / Math.max(1, xs.length - 2) / spread) }
}
