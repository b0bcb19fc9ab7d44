// How large each entry is when it is bundled, by the tool that also holds the limits in package.json.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

/** @returns {Record<string, { minified: number, gzip: number, brotli: number }>} octets */
export function bundleSizes() {
  const args = ['node_modules/size-limit/bin.js', '--json', '--config', 'bench/cost-size-checks.mjs']
  const said = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const sizes = {}
  for (const { name, size } of JSON.parse(said)) {
    const [entry, form] = name.split(' ')
    sizes[entry] = { ...sizes[entry], [form]: size }
  }
  return sizes
}
