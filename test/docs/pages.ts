// The pages that users read: README.md and docs/*.md, as code blocks, tables and links.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export function textOf(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8')
}

/** Paths of the pages, from the root of the repository. */
export const pages = [
  'README.md',
  ...readdirSync(`${root}docs`)
    .filter(name => name.endsWith('.md'))
    .sort()
    .map(name => `docs/${name}`),
]

export interface Block {
  /** Page and line, to be found by: `docs/koa.md:12`. */
  at: string
  language: string
  code: string
  /** HTML comments just before the block, which no reader sees: `<!-- requests: GET /login, GET / 200 "ann" -->`. */
  notes: Record<string, string>
}

export function blocksOf(page: string, text = textOf(page)): Block[] {
  const blocks: Block[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(.*)$/.exec(lines[i] as string)
    if (!fence) continue
    const end = lines.indexOf('```', i + 1)
    if (end < 0) throw new Error(`${page}:${i + 1}: a block that never ends`)
    blocks.push({
      at: `${page}:${i + 1}`,
      language: fence[1] as string,
      code: lines.slice(i + 1, end).join('\n'),
      notes: notesBefore(lines, i),
    })
    i = end
  }
  return blocks
}

function notesBefore(lines: string[], index: number): Record<string, string> {
  const notes: Record<string, string> = {}
  for (let i = index - 1; i >= 0; i--) {
    const note = /^<!-- (\w+): (.*) -->$/.exec(lines[i] as string)
    if (!note) return notes
    notes[note[1] as string] = note[2] as string
  }
  return notes
}

/** The page's text without its code blocks. */
export function proseOf(page: string): string {
  return textOf(page).replace(/^```[\s\S]*?^```$/gm, '')
}

/** The rows of the table below a heading, each cell by the name of its column. */
export function tableBelow(page: string, heading: string): Record<string, string>[] {
  const lines = textOf(page).split('\n')
  const start = lines.findIndex(line => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start < 0) throw new Error(`${page} has no heading "${heading}"`)
  const rows: string[][] = []
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith('|')) rows.push(cellsOf(line))
    else if (rows.length > 0 || line.startsWith('#')) break
  }
  const [names, , ...body] = rows
  if (!names || body.length === 0) throw new Error(`${page}: no table below "${heading}"`)
  return body.map(cells => {
    if (cells.length !== names.length)
      throw new Error(`${page}: a row of ${cells.length} cells in a table of ${names.length}: ${cells.join(' | ')}`)
    return Object.fromEntries(names.map((name, i) => [name, cells[i] as string]))
  })
}

/** A `|` inside a cell is written `\|`. */
function cellsOf(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1)
  return cells.map(cell => cell.trim().replaceAll('\\|', '|'))
}

/** The text of a cell's first code span. */
export function codeIn(cell: string | undefined): string {
  return /`([^`]+)`/.exec(cell ?? '')?.[1] ?? ''
}

/** The text of all code spans of a cell. */
export function codesIn(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(match => match[1] as string)
}
