import type { AdminTexts } from './admin-texts.ts'
import { type Html, html } from './html.ts'
import { filled } from './texts.ts'
import type { Times } from './times.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

export interface Bars {
  /** What one bar stands for, in ms. */
  width: number
  /** Oldest first. `from` in ms since the epoch. */
  bars: readonly { from: number; count: number }[]
  /** What began before the first bar. */
  earlier: number
}

/** How many of these began when, up to `now`: by the hour where all are of the last day, else by the day for a month. */
export function barsOf(times: readonly number[], now: number): Bars {
  const oldest = times.reduce((least, time) => Math.min(least, time), now)
  const [width, length] = now - oldest < 23 * HOUR ? [HOUR, 24] : [DAY, 30]
  // Full hours and days, by UTC.
  const start = (Math.floor(now / width) + 1 - length) * width
  const bars = Array.from({ length }, (_, n) => ({ from: start + n * width, count: 0 }))
  let earlier = 0
  for (const time of times) {
    // A clock that runs ahead puts a login into the time to come: it is one of now.
    const bar = bars[Math.min(length - 1, Math.floor((time - start) / width))]
    if (bar) bar.count++
    else earlier++
  }
  return { width, bars, earlier }
}

/** The bars as a picture, its words, and a table of the same numbers. */
export function chart({ width, bars, earlier }: Bars, texts: AdminTexts, times: Times): Html {
  const most = Math.max(1, ...bars.map(({ count }) => count))
  const total = bars.reduce((sum, { count }) => sum + count, earlier)
  // By its noon a day of UTC has its name in other time zones as well.
  const label = (from: number) => (width === HOUR ? times.hour(from) : times.day(from + DAY / 2))
  const summary = filled(texts.chartSummary, { total: times.number(total), most: times.number(most) })
  return html`<figure>
<svg class="chart" viewBox="0 0 ${bars.length * 10} 100" preserveAspectRatio="none" role="img" aria-label="${`${texts.chartTitle}: ${summary}`}">
<line x1="0" x2="${bars.length * 10}" y1="99.5" y2="99.5"/>
${bars.map(({ from, count }, n) => {
  const height = count === 0 ? 0 : Math.max(2, (count / most) * 96)
  return (
    height > 0 &&
    html`<rect x="${n * 10 + 1.5}" y="${(99 - height).toFixed(2)}" width="7" height="${height.toFixed(2)}"><title>${label(from)}: ${times.number(count)}</title></rect>`
  )
})}
</svg>
<p class="axis" aria-hidden="true"><span>${label(bars[0]?.from ?? 0)}</span><span>${label(bars.at(-1)?.from ?? 0)}</span></p>
</figure>
<details>
<summary>${texts.chartTable}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="${texts.chartTable}">
<table>
<thead><tr><th scope="col">${texts.chartTime}</th><th scope="col" class="num">${texts.chartCount}</th></tr></thead>
<tbody>
${earlier > 0 && html`<tr><td>${texts.earlier}</td><td class="num">${times.number(earlier)}</td></tr>`}
${bars.map(({ from, count }) => html`<tr><td>${label(from)}</td><td class="num">${times.number(count)}</td></tr>\n`)}
</tbody>
</table>
</div>
</details>`
}
