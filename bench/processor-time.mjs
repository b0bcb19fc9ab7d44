// The processor time of other processes, as Linux tells it: what else runs on the machine takes none of it.
import { readdirSync, readFileSync } from 'node:fs'

const or = (read, instead) => {
  try {
    return read()
  } catch {
    // It has ended meanwhile.
    return instead
  }
}

const threadsOf = pid => or(() => readdirSync(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}`), [])

/** @param {number} pid @returns {number[]} */
export const childrenOf = pid =>
  threadsOf(pid).flatMap(thread =>
    or(() => readFileSync(`${thread}/children`, 'utf8'), '')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  )

/** Of a process and all that it has started, in µs. @param {number} pid @returns {number} */
export function processorTime(pid) {
  const own = threadsOf(pid).map(thread => Number(or(() => readFileSync(`${thread}/schedstat`, 'utf8'), '0').split(' ')[0]) / 1000)
  return [...own, ...childrenOf(pid).map(processorTime)].reduce((sum, time) => sum + time, 0)
}
