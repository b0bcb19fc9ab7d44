import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Puts what a measurement has found between its markers on a page.
 * @param {string} file
 * @param {string} name as in `<!-- name -->` and `<!-- /name -->`
 * @param {string} text
 */
export function update(file, name, text) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const page = readFileSync(file, 'utf8')
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no ${begin} … ${end}`)
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`)
}
