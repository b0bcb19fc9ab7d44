import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { root } from './pages.ts'

export interface TestName {
  /** With the names of what it stands in: `a > b > c`. */
  name: string
  /** From the root of the repository. */
  file: string
}

/** Every test of these folders by its full name, as vitest itself lists them. Nothing is run. */
export async function testNames(folders: readonly string[]): Promise<TestName[]> {
  const output = `${root}.cache/test-names-${process.pid}.json`
  mkdirSync(`${root}.cache`, { recursive: true })
  const args = [`${root}node_modules/vitest/vitest.mjs`, 'list', `--json=${output}`, ...folders]
  // This run's own variables are not for that one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$)/.test(name)))
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, env }, (error, stdout, stderr) =>
      error ? reject(new Error(`${stdout}${stderr}`)) : resolve(),
    )
  })
  const found = JSON.parse(readFileSync(output, 'utf8')) as TestName[]
  rmSync(output)
  return found.map(({ name, file }) => ({ name, file: relative(root, file) }))
}
