import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../servers/process.ts'
import { holdfast, objectsIn, root } from './support.ts'

const folder = temporaryFolder('cli-audit')
afterAll(folder.remove)

/** A site's own module. It has the built package, as a site would. */
function module(name: string, code: string): string {
  const path = join(folder.path, name)
  writeFileSync(
    path,
    `import { createSessions } from '${root}dist/index.js'\nimport { MemoryStore } from '${root}dist/stores/memory.js'\n${code}`,
  )
  return path
}

const MANAGER = `createSessions({ keys: ['a secret of at least thirty-two octets'], store: new MemoryStore() })`

describe('holdfast audit', () => {
  it('gives what sessions.audit() gives, as lines and as JSON', async () => {
    const path = module('one.mjs', `export const sessions = ${MANAGER}\nexport const other = 1`)
    const { status, out, err } = await holdfast(['audit', path])
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(/^met {4}OWASP ASVS 5\.0 /m)
    expect(out).toMatch(/\d+ met, \d+ unmet, \d+ for the app\n$/)
    const [report] = objectsIn((await holdfast(['audit', path, '--json'])).out) as [{ met: number; findings: { status: string }[] }]
    expect(report.findings.filter(({ status }) => status === 'met')).toHaveLength(report.met)
    expect(report.met).toBeGreaterThan(5)
  })

  it('has colours only where they are wanted', async () => {
    const path = module('colours.mjs', `export const sessions = ${MANAGER}`)
    const esc = String.fromCharCode(27)
    expect((await holdfast(['audit', path], { colour: true })).out).toContain(`${esc}[32mmet`)
    expect((await holdfast(['audit', path], { colour: false })).out).not.toContain(esc)
  })

  it('--strict is 1 where a requirement is unmet', async () => {
    const path = module('loose.mjs', `export default createSessions({ keys: ['a secret of at least thirty-two octets'] })`)
    const { status, out } = await holdfast(['audit', path, '--strict', '--json'])
    const [{ unmet }] = objectsIn(out) as [{ unmet: number }]
    expect(unmet).toBeGreaterThan(0)
    expect(status).toBe(1)
  })

  it('asks which one is meant, and takes the one that is named', async () => {
    const path = module('two.mjs', `export const a = ${MANAGER}\nexport const b = ${MANAGER}`)
    expect(await holdfast(['audit', path])).toMatchObject({ status: 2, err: expect.stringContaining('--export a, --export b') })
    expect((await holdfast(['audit', path, '--export', 'b'])).status).toBe(0)
    expect((await holdfast(['audit', path, '--export', 'c'])).status).toBe(1)
  })

  it('says what is wrong with a module', async () => {
    expect(await holdfast(['audit'])).toMatchObject({ status: 2, err: expect.stringContaining('which module?') })
    expect(await holdfast(['audit', '/nowhere.mjs'])).toMatchObject({ status: 1, err: expect.stringContaining('cannot be loaded') })
    expect(await holdfast(['audit', module('none.mjs', 'export const x = 1')])).toMatchObject({
      status: 1,
      err: expect.stringContaining('exports no manager'),
    })
  })
})
