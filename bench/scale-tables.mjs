// The tables of bench/scale.mjs.
import { table } from './cost-table.mjs'
import { median } from './statistics.mjs'

/** The claim is that a cost does not depend on how many there are. A tree that is one level deeper may cost as much more. */
const FLAT = 1.5

const LABELS = {
  load: 'load',
  save: 'save',
  create: 'create',
  list: 'list a user’s ten',
  cleanUp: 'clean-up, of each removed',
}
const WAYS = { create: 'create', bulk: 'in bulk' }

const both = ({ server = Number.NaN, own = 0 }) => server + own
const grouped = value => Math.round(value).toLocaleString('en')
const digits = value => (value < 99.5 ? value.toFixed(1) : grouped(value))

/** @typedef {{ size: number, filled: { way: string, seconds: number, octets: number, processOctets: number }, times: Record<string, { server: number, own: number, passed: number }[]>,
 *   redisCosts?: Record<string, Record<string, number>>, redisExpiry?: { perKey: number, seconds?: number, left: number } }} Figures of a size */

/** The least size first. @param {Figures[]} figures */
export function storeTable(store, figures) {
  const [base] = figures
  const known = ({ times }, operation) => times[operation].filter(Boolean)
  const cell = (operation, one) => {
    const own = known(one, operation)
    if (own.length === 0) return '–'
    const [server, client, passed] = ['server', 'own', 'passed'].map(what => median(own.map(time => time[what])))
    const times = median(own.map((time, round) => both(time) / both(known(base, operation)[round] ?? {})))
    const ratio = `(${times.toFixed(2)})`
    const beside = one === base ? '' : ` ${times > FLAT ? `**${ratio}**` : ratio}`
    return `${server > 0 ? `${digits(server)} + ` : ''}${digits(client)}${beside}, ${digits(passed)}`
  }
  const operations = Object.keys(base.times).filter(operation => known(base, operation).length > 0)
  const each = say => figures.map(say)
  return table(
    `${store}, µs of processors for each call (how many times what it is with ${grouped(base.size)}), and µs that have passed`,
    each(({ size }) => grouped(size)),
    [
      ...operations.map(operation => [LABELS[operation], ...each(one => cell(operation, one))]),
      ['octets of a session in the store', ...each(({ filled }) => grouped(filled.octets))],
      ['heap of this process, more than empty, MB', ...each(({ filled }) => (filled.processOctets / 1e6).toFixed(1))],
      ['filled by', ...each(({ filled: { way, seconds } }) => `${WAYS[way]}, ${seconds.toFixed(0)} s`)],
    ],
  )
}

/** What Redis's server says of itself. @param {Figures[]} figures */
function redisTables(figures) {
  const sizes = figures.map(({ size }) => grouped(size))
  const calls = Object.keys(figures[0].redisCosts)
  const { redisCosts: largest } = figures.at(-1)
  return [
    table(
      'Redis, µs of the server’s processor for each call: in the script, and in all',
      sizes,
      calls.map(call => [call, ...figures.map(({ redisCosts: { [call]: cost } }) => `${digits(cost.script)} of ${digits(cost.all)}`)]),
    ),
    table(
      `Redis, octets of each call, at ${sizes.at(-1)}`,
      ['to the server', 'from it', 'into its append-only file'],
      // A file that was written anew meanwhile is shorter than before.
      calls.map(call => [call, ...['in', 'out', 'log'].map(way => (largest[call][way] < 0 ? '–' : grouped(largest[call][way])))]),
    ),
    table('Redis removes what has ended by itself', sizes, [
      ['µs of its processor for each key', ...figures.map(({ redisExpiry: { perKey } }) => digits(perKey))],
      ['s until nine of ten are gone', ...figures.map(({ redisExpiry: { seconds } }) => (seconds === undefined ? '–' : digits(seconds)))],
      ['left after two minutes', ...figures.map(({ redisExpiry: { left } }) => `${(left * 100).toFixed(0)} %`)],
    ]),
  ]
}

/** @param {Figures[]} figures */
const postgresTable = figures =>
  table(
    'postgres, octets that the server writes ahead (WAL) for each call',
    figures.map(({ size }) => grouped(size)),
    Object.keys(figures[0].writtenAhead).map(call => [call, ...figures.map(({ writtenAhead }) => grouped(writtenAhead[call]))]),
  )

/** What some stores have beside the common one. */
export const ownTables = { redis: redisTables, postgres: figures => [postgresTable(figures)] }
