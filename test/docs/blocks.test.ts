// Every code block of the pages does what a reader would expect of it: ```js runs, ```ts compiles, ```diff runs before and after.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { cannotRun, stopServers } from './databases.ts'
import { type Block, blocksOf, pages, root, textOf } from './pages.ts'
import { rewriteImports, runBlock } from './run.ts'

const LANGUAGES = ['js', 'ts', 'diff', 'bash', 'sh', 'sql', 'json', 'text', 'http']

const blocks = pages.flatMap(page => blocksOf(page))
const of = (language: string) => blocks.filter(block => block.language === language)

/** One side of a diff that changes code: what was there (`-`) or what comes (`+`). */
function sideOf(block: Block, sign: '-' | '+'): Block {
  const lines = block.code.split('\n').filter(line => line.startsWith(sign) || line.startsWith(' ') || line === '')
  return { ...block, language: 'js', code: lines.map(line => line.slice(1)).join('\n') }
}
const codeDiffs = of('diff').filter(({ code }) => /^[+-]import |^[+-].*require\(/m.test(code))

describe('code blocks', () => {
  afterAll(stopServers)

  it('are in a language that says what becomes of them, and never indented', () => {
    expect(blocks.filter(({ language }) => !LANGUAGES.includes(language)).map(({ at, language }) => `${at}: "${language}"`)).toEqual([])
    expect(pages.filter(page => /^[ \t>]+```/m.test(textOf(page)))).toEqual([])
  })

  for (const block of of('js')) {
    it.skipIf(cannotRun(block.code))(`${block.at} runs`, () => runBlock(block))
  }

  it.each(codeDiffs.map(block => [block.at, block] as const))('%s runs, before and after', async (_, block) => {
    await runBlock(sideOf(block, '-'))
    await runBlock(sideOf(block, '+'))
  })
})

describe('typed blocks', () => {
  mkdirSync(`${root}.cache`, { recursive: true })
  const folder = mkdtempSync(`${root}.cache/docs-`)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(of('ts').map((block, index) => [block.at, block, index] as const))('%s compiles', async (_, { code }, index) => {
    expect(await compile(`${folder}/${index}`, code)).toBe('')
  })

  it('would be seen if they did not compile', async () => {
    const code = `import session from 'holdfast/koa'\nimport Koa from 'koa'\nnew Koa().use(session({ maxAge: 'soon' }, new Koa()))`
    expect(await compile(`${folder}/wrong`, code)).toContain('TS2769')
  })
})

/** What the compiler says against a block, which gets a program of its own: one may augment what another must not. */
function compile(folder: string, code: string): Promise<string> {
  mkdirSync(folder)
  writeFileSync(`${folder}/block.ts`, `${code}\nexport {}\n`)
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ extends: `${root}tsconfig.json`, files: ['block.ts'], include: [], exclude: [] }),
  )
  return new Promise(resolve => {
    const args = [`${root}node_modules/typescript/bin/tsc`, '-p', folder]
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}` || error.message : ''))
  })
}

describe('the runner', () => {
  const block = (code: string, notes: Record<string, string> = {}): Block => ({ at: 'x.md:1', language: 'js', code, notes })

  it.each([
    ['a block that does not parse', block('const a = ;')],
    ['a block that throws', block('app.use(1)')],
    ['an export that does not exist', block(`import { nothing } from 'holdfast'`)],
    ['a module that nobody knows', block(`import x from 'elsewhere'`)],
    ['a name that nobody declared', block('app.use(undeclared)')],
    ['an app that answers 404', block('app.use(() => {})')],
    ['an app that answers 500', block('app.use(() => { throw new Error("no") })')],
    ['a session that is not kept', block(`app.use(session({ autoCommit: false }, app))`)],
    ['another text than expected', block('app.use(ctx => { ctx.body = "a" })', { requests: 'GET / "b"' })],
    ['an error that was expected and did not come', block('app.use(session(app))', { throws: 'TypeError x' })],
    ['a warning that nobody mentioned', block(`app.use(session({ sameSite: 'none', secure: false }, app))`)],
    ['a warning that was expected and did not come', block('app.use(session(app))', { warns: 'HOLDFAST_INSECURE' })],
  ])('fails on %s', async (_, wrong) => {
    await expect(runBlock(wrong)).rejects.toThrow()
  })

  const options = 'secret, resave: false, saveUninitialized: false'
  it.each([
    ['an app that answers 404', `app.use(session({ ${options} })); app.use((req, res) => res.status(404).end())`],
    ['an app that mounts no session', 'app.use((req, res, next) => next())'],
    ['an app that fails', `app.use(session({ ${options} })); app.use(() => { throw new Error('no') })`],
    ['a session that is not kept', `app.use(session({ ${options}, skip: () => true }))`],
    ['a warning that nobody mentioned', `app.use(session({ ${options}, cookie: { sameSite: 'none' } }))`],
    ["Koa's app", 'app.keys = []; app.middleware.length'],
  ])('on a page about Express fails on %s', async (_, code) => {
    await expect(runBlock({ ...block(code), at: 'docs/express.md:1' })).rejects.toThrow()
  })

  it('runs on a free port what listens on 3000', async () => {
    await runBlock(block(`const server = app.listen(3000, () => { if (server.address().port === 3000) throw new Error('3000') })`))
  })

  it('reads every form of import', () => {
    expect(rewriteImports(`import a from 'x'\nimport { b, c as d } from 'y'\nimport e, { f } from 'z'\nimport * as g from 'node:fs'`)).toBe(
      `const { default: a } = await imported('x', ["default"])\nconst { b, c: d } = await imported('y', ["b","c"])\n` +
        `const { default: e, f } = await imported('z', ["default","f"])\nconst g = await imported('node:fs', [])`,
    )
  })

  it('finds blocks, notes and sides of a diff', () => {
    const [found] = blocksOf('x.md', 'text\n<!-- requests: GET /a -->\n```diff\n-import a\n+import b\n c\n```\n')
    expect(found).toEqual({ at: 'x.md:3', language: 'diff', code: '-import a\n+import b\n c', notes: { requests: 'GET /a' } })
    expect([sideOf(found as Block, '-').code, sideOf(found as Block, '+').code]).toEqual(['import a\nc', 'import b\nc'])
  })
})
