// Compiles test/types against the built declarations: each tsconfig.*.json there is one kind of user (a version of Koa or Express, SessionData
// augmented or not, express-session's types beside it or not), compiled with skipLibCheck on and off, and for `npm run test:full` by an older
// TypeScript. Then it looks for `any` in what the package declares.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const filesBelow = folder => readdirSync(root + folder, { recursive: true, encoding: 'utf8' }).map(path => `${folder}/${path}`)

function report(name, problem) {
  console.log(`${problem ? 'FAIL' : 'ok  '} ${name}`)
  if (!problem) return
  process.exitCode = 1
  console.log(problem)
}

/** What the compiler says against a project; nothing if it compiles. */
function compile(tsc, project, skipLibCheck) {
  return new Promise(resolve => {
    const args = [tsc, '-p', project, '--skipLibCheck', String(skipLibCheck)]
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}` || error.message : ''))
  })
}

const full = process.env.HOLDFAST_TEST_FULL !== undefined
const ours = `${root}node_modules/typescript/bin/tsc`
// Users have older compilers than ours; attw brings one. It is too old for `require` of an ES module (TypeScript 5.8).
const older = createRequire(createRequire(`${root}package.json`).resolve('@arethetypeswrong/core')).resolve('typescript')
const { version } = JSON.parse(readFileSync(`${dirname(older)}/../package.json`, 'utf8'))

for (const project of filesBelow('test/types').filter(path => /tsconfig\.\w+\.json$/.test(path))) {
  const forOlder = full && !project.includes('tsconfig.commonjs')
  const [skipped, checked, byOlder] = await Promise.all([
    compile(ours, project, true),
    compile(ours, project, false),
    forOlder && compile(`${dirname(older)}/tsc.js`, project, true),
  ])
  report(`${project}`, skipped)
  report(`${project}, skipLibCheck off`, checked)
  if (forOlder) report(`${project}, TypeScript ${version}`, byOlder)
}

/** The lines of the declarations where `any` is meant, each as `file: line`. Nothing else may say it. */
const allowed = JSON.parse(readFileSync(`${root}test/types/any.json`, 'utf8'))
const found = filesBelow('dist')
  .filter(path => path.endsWith('.d.ts'))
  .flatMap(path => {
    const code = readFileSync(root + path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'/gm, '')
    const lines = code.split('\n').filter(line => /\bany\b/.test(line))
    return lines.map(line => `${path}: ${line.trim()}`)
  })
report('no `any` in the declarations beside test/types/any.json', found.filter(row => !allowed.includes(row)).join('\n'))
report('test/types/any.json lists nothing that is gone', allowed.filter(row => !found.includes(row)).join('\n'))
