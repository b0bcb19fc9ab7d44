// The table of docs/faults.md, from the rows that the fault suite leaves in .cache/faults/.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const COLUMNS = [
  'store',
  'fault',
  'promised',
  'acknowledged',
  'lost',
  'resurrected',
  'errors seen',
  'seconds to recover',
  'most connections',
]

/** Of one process each, in the order in which a reader looks for them. */
const ORDER = ['Memory', 'Files', 'SQLite', 'Redis,', 'Redis Sentinel', 'Redis Cluster', 'PostgreSQL', 'MariaDB', 'DocumentDB']

/** What has been measured; nothing of a run that has not come to its end. */
export function rowsIn(folder) {
  const files = readdirSync(folder).filter(file => file.endsWith('.json') && !file.endsWith('.history.json'))
  return files.map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')))
}

const place = ({ store }) => ORDER.findIndex(name => store.startsWith(name))
const line = cells => `| ${cells.join(' | ')} |`

export function faultsTable(rows) {
  const sorted = [...rows].sort((a, b) => place(a) - place(b) || a.store.localeCompare(b.store) || a.fault.localeCompare(b.fault))
  return [line(COLUMNS), line(COLUMNS.map(() => '---')), ...sorted.map(row => line(cellsOf(row)))].join('\n')
}

function cellsOf({ store, fault, promised, acknowledged, lost, resurrected, errors, recoveredMs, sockets }) {
  const counted = Object.entries(errors).map(([code, count]) => `${count} ${code.replace(/^\w+/, '`$&`')}`)
  const none = fault === 'none'
  return [
    store,
    fault,
    promised === true ? 'yes' : `no: ${promised}`,
    acknowledged,
    lost,
    resurrected,
    counted.join(', ') || 'none',
    none ? '–' : (recoveredMs / 1000).toFixed(1),
    none ? '–' : sockets,
  ]
}
