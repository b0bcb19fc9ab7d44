// What size-limit is asked to bundle: each entry of the package, and its peers, minified, tree-shaken, with all that they depend on.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const { 'size-limit': entries } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const peers = ['koa-session', 'koa-generic-session', 'express-session', 'cookie-session', 'iron-session']
const places = [
  ...entries.map(({ name, path }) => [name, root + path]),
  ...peers.map(name => [name, fileURLToPath(import.meta.resolve(name))]),
]

const forNode = config => ({ ...config, platform: 'node' })

export default places.flatMap(([name, path]) => [
  { name: `${name} minified`, path, brotli: false, modifyEsbuildConfig: forNode },
  { name: `${name} gzip`, path, gzip: true, modifyEsbuildConfig: forNode },
  { name: `${name} brotli`, path, modifyEsbuildConfig: forNode },
])
