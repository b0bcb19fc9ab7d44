/**
 * A table in Markdown that can be read in a terminal as well.
 * @param {string} title
 * @param {string[]} columns
 * @param {[string, ...unknown[]][]} rows
 */
export function table(title, columns, rows) {
  const lines = [['', ...columns], ...rows].map(cells => cells.map(String))
  const widths = lines[0].map((_, column) => Math.max(3, ...lines.map(cells => cells[column].length)))
  const line = cells => `| ${cells.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join(' | ')} |`
  const rule = line(widths.map((width, n) => (n === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)))
  return [`**${title}**`, '', line(lines[0]), rule, ...lines.slice(1).map(line), ''].join('\n')
}
