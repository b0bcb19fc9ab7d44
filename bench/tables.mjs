// The tables, as markdown that can be read in a terminal as well.
import { median } from './statistics.mjs'
import { comparisons, primitivesFactor } from './targets.mjs'

/** @param {string[][]} rows the first is the head */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)))
  const line = cells => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(rows[0]), line(widths.map(width => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n')
}

const digits = value => value.toFixed(Math.abs(value) < 9.95 ? 2 : 1)
const marked = (text, good) => (good ? text : `**${text}** ✗`)

/** Half of what lies between the extremes. */
const spread = values => (Math.max(...values) - Math.min(...values)) / 2
/** Launch by launch, and of these the median. Next to nothing cannot be divided by. */
const ratio = (values, by) => median(values.map((value, launch) => value / Math.max(by[launch], 0.05)))

/** @typedef {Record<string, Record<string, number[]>>} Figures by subject and scenario, one for each launch */

/** @param {Figures} figures @param {string[]} subjects @param {string[]} scenarios @param {string} corner */
export function timesTable(figures, subjects, scenarios, corner) {
  const cell = values => (values ? `${digits(median(values))} ± ${digits(spread(values))}` : '–')
  return table([[corner, ...scenarios], ...subjects.map(name => [name, ...scenarios.map(scenario => cell(figures[name][scenario]))])])
}

/** @param {Figures} figures @param {string[]} scenarios */
export function ratiosTable(figures, scenarios) {
  const rows = comparisons.filter(({ ours, peer }) => figures[ours] && figures[peer])
  const cell = ({ ours, peer, targets }, scenario) => {
    const own = figures[ours][scenario]
    const target = targets[scenario]
    if (target?.below) return marked(`${digits(median(own))} µs (below ${target.below})`, median(own) < target.below)
    const times = ratio(figures[peer][scenario], own)
    const text = times > 100 ? 'over 100' : digits(times)
    return target ? marked(`${text} (${target})`, times >= target) : text
  }
  return table([
    ['peer / Holdfast (target)', ...scenarios],
    ...rows.map(row => [`${row.peer} / ${row.ours}`, ...scenarios.map(scenario => cell(row, scenario))]),
  ])
}

/** @param {Figures} figures @param {string[]} scenarios those that the primitives have */
export function primitivesTable(figures, scenarios) {
  const rows = comparisons.filter(({ ours, primitives }) => figures[ours] && figures[primitives])
  const cell = ({ ours, primitives }, scenario) => {
    const [own, sum] = [figures[ours][scenario], figures[primitives][scenario]]
    const times = ratio(own, sum)
    return marked(`${digits(median(own))} / ${digits(median(sum))} = ${digits(times)}`, times <= primitivesFactor)
  }
  return table([
    [`Holdfast / sum of the primitives (at most ${primitivesFactor})`, ...scenarios],
    ...rows.map(row => [row.ours, ...scenarios.map(scenario => cell(row, scenario))]),
  ])
}
