// The folders are the architecture. The linter holds each layer to what lies below it (biome.json, "overrides"); this file proves that
// those rules bite, and that the package's exports and ARCHITECTURE.md name every file that they should.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const text = (path: string) => readFileSync(`${root}${path}`, 'utf8')
const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => `src/${path.replaceAll('\\', '/')}`)
  .sort()
const entries = sources.filter(path => /^src\/(?!create\.|cli\.)[^/]+$|^src\/stores\/[^/]+$|^src\/express\/request\.ts$/.test(path))

/** One line per layer: a file of it (it need not exist), what it may import, what it may not. */
const layers: { file: string; may: string[]; mayNot: string[] }[] = [
  {
    file: 'src/core/x.ts',
    may: ['./errors.ts'],
    mayNot: [
      '../cookie/x.ts',
      '../crypto/x.ts',
      '../stores/x.ts',
      '../backends/x.ts',
      '../create.ts',
      '../koa/x.ts',
      '../index.ts',
      'cookie',
      'koa',
      'node:crypto',
      'node:fs',
      'fs',
    ],
  },
  {
    file: 'src/cookie/x.ts',
    may: ['./x.ts', '../core/x.ts', 'cookie'],
    mayNot: [
      '../crypto/x.ts',
      '../stores/x.ts',
      '../backends/x.ts',
      '../create.ts',
      '../koa/x.ts',
      '../index.ts',
      'koa',
      'node:crypto',
      'node:fs',
    ],
  },
  {
    file: 'src/crypto/x.ts',
    may: ['./x.ts', '../core/x.ts', 'node:crypto', 'node:buffer'],
    mayNot: [
      '../cookie/x.ts',
      '../stores/x.ts',
      '../backends/x.ts',
      '../create.ts',
      '../koa/x.ts',
      '../index.ts',
      'cookie',
      'koa',
      'node:fs',
      'crypto',
    ],
  },
  {
    file: 'src/stores/x.ts',
    may: ['./x.ts', '../core/x.ts', 'node:fs', 'node:fs/promises'],
    mayNot: [
      '../cookie/x.ts',
      '../crypto/x.ts',
      '../backends/x.ts',
      '../create.ts',
      '../koa/x.ts',
      '../index.ts',
      'cookie',
      'koa',
      'redis',
      'node:crypto',
    ],
  },
  {
    file: 'src/backends/x.ts',
    may: ['./x.ts', '../core/x.ts', '../cookie/x.ts', '../crypto/x.ts'],
    mayNot: ['../stores/x.ts', '../create.ts', '../koa/x.ts', '../index.ts', 'cookie', 'koa', 'node:crypto', 'node:fs'],
  },
  {
    file: 'src/create.ts',
    may: ['./core/x.ts', './cookie/x.ts', './crypto/x.ts', './backends/x.ts'],
    mayNot: ['./native/x.ts', './stores/x.ts', './koa/x.ts', './koa.ts', './index.ts', 'cookie', 'koa', 'node:crypto', 'node:http'],
  },
  {
    file: 'src/native/x.ts',
    may: ['./x.ts', '../create.ts', '../core/x.ts', '../cookie/x.ts', '../crypto/x.ts', '../backends/x.ts', '../device/x.ts', 'node:http'],
    mayNot: ['../stores/x.ts', '../koa/x.ts', '../index.ts', 'bowser', 'cookie', 'koa', 'node:crypto', 'node:fs'],
  },
  {
    file: 'src/device/x.ts',
    may: ['./x.ts', '../core/x.ts', 'bowser', 'node:net'],
    mayNot: ['../crypto/x.ts', '../backends/x.ts', '../create.ts', '../native/x.ts', '../koa/x.ts', 'node:http', 'node:crypto', 'node:dns'],
  },
  {
    file: 'src/native/audit/x.ts',
    may: ['./x.ts'],
    mayNot: ['../x.ts', '../../core/x.ts', '../../cookie/x.ts', '../../create.ts', 'node:http', 'node:crypto'],
  },
  {
    file: 'src/cli/x.ts',
    may: ['./x.ts', '../core/x.ts', '../crypto/x.ts', '../backends/x.ts', '../stores/x.ts', 'commander', 'node:util', 'node:fs'],
    mayNot: ['../cookie/x.ts', '../create.ts', '../native/x.ts', '../koa/x.ts', '../index.ts', 'cookie', 'redis', 'node:crypto'],
  },
  ...['commands', 'clients', 'inspect', 'migrate'].map(part => ({
    file: `src/cli/${part}/x.ts`,
    may: ['./x.ts', '../x.ts', '../migrate/x.ts', '../../core/x.ts', '../../backends/x.ts', '../../stores/x.ts', 'commander', 'node:fs'],
    mayNot: ['../../create.ts', '../../native/x.ts', '../../express/x.ts', '../../index.ts', 'pg', 'node:crypto'],
  })),
  {
    file: 'src/testing/x.ts',
    may: ['./x.ts', '../core/x.ts', 'node:assert/strict', 'fast-check'],
    mayNot: ['../stores/x.ts', '../backends/x.ts', '../native/x.ts', '../create.ts', '../koa/x.ts', 'vitest', 'node:fs'],
  },
  {
    file: 'src/stores/common/x.ts',
    may: ['./x.ts', '../../core/x.ts', 'node:fs/promises'],
    mayNot: ['../../crypto/x.ts', '../../backends/x.ts', '../../create.ts', '../memory.ts', '../redis/x.ts', 'node:crypto', 'redis'],
  },
  ...['memory', 'file', 'sqlite', 'redis', 'postgres', 'mysql', 'mongodb', 'migrating'].map(store => ({
    file: `src/stores/${store}/x.ts`,
    may: ['./x.ts', '../common/x.ts', '../../core/x.ts', 'node:fs/promises'],
    mayNot: ['../../crypto/x.ts', '../../backends/x.ts', '../../create.ts', '../memory.ts', '../other/x.ts', 'node:crypto', 'redis'],
  })),
  {
    file: 'src/request/x.ts',
    may: ['./x.ts', '../core/x.ts'],
    mayNot: ['../cookie/x.ts', '../crypto/x.ts', '../backends/x.ts', '../create.ts', '../native/x.ts', '../koa/x.ts', 'koa', 'node:http'],
  },
  {
    file: 'src/express/x.ts',
    may: [
      './x.ts',
      '../request/x.ts',
      '../create.ts',
      '../native/x.ts',
      '../core/x.ts',
      '../cookie/x.ts',
      '../backends/ask.ts',
      '../backends/legacy.ts',
      '../crypto/session-id.ts',
      '../crypto/cookie-signature.ts',
      'cookie',
      'node:http',
    ],
    mayNot: ['../crypto/signed.ts', '../stores/x.ts', '../backends/store.ts', '../koa/x.ts', '../index.ts', 'express', 'node:crypto'],
  },
  {
    file: 'src/koa/x.ts',
    may: [
      './x.ts',
      '../request/x.ts',
      '../create.ts',
      '../native/x.ts',
      '../core/x.ts',
      '../cookie/x.ts',
      '../backends/legacy.ts',
      '../crypto/session-id.ts',
      'koa',
      'node:util',
    ],
    mayNot: [
      '../crypto/signed.ts',
      '../stores/x.ts',
      '../backends/store.ts',
      '../express/x.ts',
      '../koa.ts',
      '../index.ts',
      'cookie',
      'express',
      'node:crypto',
    ],
  },
  {
    file: 'src/fetch/x.ts',
    may: ['./x.ts', '../request/x.ts', '../create.ts', '../native/x.ts', '../core/x.ts'],
    mayNot: ['../express/x.ts', '../koa/x.ts', '../cookie/x.ts', '../crypto/x.ts', '../backends/x.ts', '../index.ts', 'hono', 'node:http'],
  },
  {
    file: 'src/fastify/x.ts',
    may: ['./x.ts', '../express/begin.ts', '../express/native.ts', '../request/x.ts', '../create.ts', '../native/x.ts', 'fastify'],
    mayNot: ['../express/drop-in.ts', '../koa/x.ts', '../fetch/x.ts', '../cookie/x.ts', '../crypto/x.ts', '../index.ts', 'express'],
  },
  {
    file: 'src/pages/x.ts',
    may: ['./x.ts', '../core/x.ts', '../crypto/content-hash.ts', 'node:http', 'node:stream'],
    mayNot: [
      '../native/x.ts',
      '../backends/x.ts',
      '../crypto/sealed.ts',
      '../koa/x.ts',
      '../express/x.ts',
      'koa',
      'express',
      'node:crypto',
    ],
  },
  {
    file: 'src/index.ts',
    may: ['./native/x.ts', './core/x.ts', './stores/x.ts'],
    mayNot: ['cookie', 'koa', 'node:crypto', '../test/x.ts'],
  },
  { file: 'src/koa.ts', may: ['./koa/x.ts'], mayNot: ['koa', 'node:crypto'] },
  { file: 'src/fetch.ts', may: ['./fetch/x.ts'], mayNot: ['hono', 'node:crypto'] },
  { file: 'src/fastify.ts', may: ['./fastify/x.ts'], mayNot: ['fastify', 'node:crypto'] },
  { file: 'src/express.ts', may: ['./express/x.ts'], mayNot: ['express', 'node:crypto'] },
]

/** What the linter says of these files, as `path:line rule` rows. The files lie in an empty project with this repository's biome.json. */
function lint(files: Record<string, string[]>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'))
  try {
    copyFileSync(`${root}biome.json`, join(folder, 'biome.json'))
    for (const [path, lines] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), `${lines.join('\n')}\n`)
    }
    const biome = `${root}node_modules/@biomejs/biome/bin/biome`
    const options = [
      'lint',
      '--only=style/noRestrictedImports',
      '--only=style/noRestrictedGlobals',
      '--vcs-enabled=false',
      '--reporter=json',
      '--max-diagnostics=none',
      '.',
    ]
    const { stdout } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, encoding: 'utf8' })
    const { diagnostics } = JSON.parse(stdout) as {
      diagnostics: { category: string; location: { path: string; start: { line: number } } }[]
    }
    return diagnostics.map(({ category, location }) => `${location.path}:${location.start.line} ${category.replace(/.*\//, '')}`).sort()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('layers', () => {
  it('every file of src belongs to a layer', () => {
    const folders = new Set(layers.map(layer => dirname(layer.file)))
    expect(sources.filter(path => !folders.has(dirname(path)))).toEqual([])
  })

  it('a layer imports what lies below it and nothing else', () => {
    const files = Object.fromEntries(
      layers.map(({ file, may, mayNot }) => [file, [...may, ...mayNot].map(path => `export * from '${path}'`)]),
    )
    const expected = layers.flatMap(({ file, may, mayNot }) => mayNot.map((_, n) => `${file}:${may.length + n + 1} noRestrictedImports`))
    expect(lint(files)).toEqual(expected.sort())
  })

  it('types and dynamic imports count as imports', () => {
    const lines = [
      "import type { X } from '../create.ts'",
      "export const x = () => import('../create.ts')",
      "export type { Y } from '../create.ts'",
    ]
    expect(lint({ 'src/core/x.ts': lines })).toEqual([1, 2, 3].map(line => `src/core/x.ts:${line} noRestrictedImports`))
  })

  it('core has no timer and no I/O', () => {
    const lines = ['process.env', 'setTimeout(f, 1)', 'Buffer.from(s)', 'performance.now()', 'fetch(s)', 'console.log(s)']
    const files = { 'src/core/x.ts': lines.map((code, n) => `export const x${n} = ${code}`) }
    expect(lint(files)).toEqual(lines.map((_, n) => `src/core/x.ts:${n + 1} noRestrictedGlobals`))
  })

  // No lint rule tells `new Date()`, the clock, from `new Date(time)`, a value.
  it('core has no clock', () => {
    const clock = /\bDate\.now\b|\bnew Date\(\)|\bnew Date\b(?!\()|(?<!new )\bDate\(/
    expect(['Date.now()', 'new Date()', 'new Date', 'Date()'].filter(code => !clock.test(code))).toEqual([])
    expect(clock.test('value instanceof Date ? new Date(value.getTime()) : value')).toBe(false)
    const hits = sources.filter(path => path.startsWith('src/core/')).filter(path => clock.test(text(path)))
    expect(hits).toEqual([])
  })
})

describe('the public entries', () => {
  const { exports, bin } = JSON.parse(text('package.json')) as {
    exports: Record<string, string | { types: string; default: string }>
    bin: Record<string, string>
  }

  it('the command is one file, which only runs what lies below it', () => {
    expect(bin).toEqual({ holdfast: 'dist/cli.js' })
    expect(text('src/cli.ts')).toMatch(/^#!\/usr\/bin\/env node\nimport \{ main \} from '.\/cli\/main.ts'\n\n.*\n$/)
  })

  it('one file is one subpath of exports', () => {
    const subpaths = entries.map(path =>
      path
        .replace(/^src/, '.')
        .replace(/\.ts$/, '')
        .replace(/^\.\/index$/, '.'),
    )
    expect(Object.keys(exports).sort()).toEqual(['./package.json', ...subpaths].sort())
    for (const [subpath, target] of Object.entries(exports)) {
      if (typeof target === 'string') continue
      const file = subpath === '.' ? './dist/index' : subpath.replace('.', './dist')
      expect(target).toEqual({ types: `${file}.d.ts`, default: `${file}.js` })
    }
  })

  it('an entry at the top of src re-exports and nothing else', () => {
    for (const path of entries.filter(entry => dirname(entry) === 'src')) {
      const code = text(path).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      const rest = code.replace(/^(import|export)\s+(type\s+)?(\*( as \w+)?|\{[^}]*\})(\s+from)?(\s*'[^']+')?\s*;?$/gm, '')
      expect(rest.trim(), path).toBe('')
    }
  })
})

it('ARCHITECTURE.md names every file of src', () => {
  const page = text('ARCHITECTURE.md')
  expect(sources.filter(path => !page.includes(path.replace(/.*\//, '')))).toEqual([])
})
