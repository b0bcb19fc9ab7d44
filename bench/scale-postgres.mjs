// What only PostgreSQL can tell of bench/scale.mjs: how much it writes ahead (WAL), which is what its disks and its replicas must take.
import { Client } from 'pg'

const LANES = 8

/**
 * By call, in octets.
 * @param {string} url
 */
export async function writtenAhead(url, { count, each, calls }) {
  const client = new Client({ connectionString: url })
  await client.connect()
  const position = async () => BigInt((await client.query("SELECT pg_current_wal_lsn() - '0/0' AS at")).rows[0].at)
  const octets = {}
  for (const name of ['touch', 'save', 'create']) {
    const call = calls[name](count)
    const before = await position()
    await each(0, count, LANES, call)
    octets[name] = Number((await position()) - before) / count
  }
  await client.end()
  return octets
}
