/** The style sheet of both pages. It stands in the page: no file to serve, and the policy names it by its hash. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #e2e5ea; --strong: #c9ced6; --text: #14181f; --quiet: #57606d;
  --accent: #2f5fd8; --tint: #eaf0fe; --on-accent: #fff; --danger: #b3261e; --fill: #b3261e; --danger-line: #efc9c6;
  --good: #10703f; --good-tint: #e4f4eb; --hover: #f1f3f6;
  --shadow: 0 1px 2px rgb(20 24 31 / 5%), 0 6px 20px -14px rgb(20 24 31 / 18%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1014; --card: #161a20; --line: #282e37; --strong: #3a424e; --text: #e9edf2; --quiet: #9ba6b4;
    --accent: #8fb0ff; --tint: #1c2740; --on-accent: #0b1733; --danger: #ff9a91; --fill: #bb3329; --danger-line: #54302e;
    --good: #6fd39b; --good-tint: #14291e; --hover: #1f252d; --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere;
}
main { max-width: 44rem; margin: 0 auto; padding: clamp(1.5rem, 6vw, 4rem) 1rem 4rem }
main.wide { max-width: 66rem }
h1, h2, h3, p, ul, dl, dd, figure, table { margin: 0 }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.4vw, 2rem); line-height: 1.2; letter-spacing: -.02em; font-weight: 680; text-wrap: balance }
h2 { font-size: 1rem; line-height: 1.4; font-weight: 620 }
a { color: var(--accent); text-underline-offset: .18em }
.quiet { color: var(--quiet) }
.small { font-size: .875rem }
.lead { margin-top: .5rem; color: var(--quiet); max-width: 40rem }
.back { display: inline-block; margin-bottom: 1rem; font-size: .9375rem; text-decoration: none }
.back::before { content: "\\2190\\00a0\\00a0"; content: "\\2190\\00a0\\00a0" / "" }
.back:hover { text-decoration: underline }
.vh { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
[tabindex="-1"]:focus { outline: none }
[hidden] { display: none !important }

.notice { margin-top: 1.25rem; padding: .75rem 1rem; border-radius: .75rem; background: var(--good-tint); color: var(--good); font-weight: 550 }
.notice:empty { display: none }
.notice.bad { background: var(--hover); color: var(--danger) }
.list { display: grid; gap: .75rem; margin-top: 1.75rem; padding: 0; list-style: none }
.card { border: 1px solid var(--line); border-radius: 1rem; background: var(--card); box-shadow: var(--shadow) }
.device { display: grid; grid-template-columns: auto 1fr auto; align-items: center; gap: .25rem 1rem; padding: 1.125rem 1.25rem }
.device .icon { display: grid; place-items: center; width: 2.75rem; height: 2.75rem; border-radius: .8rem; background: var(--hover); color: var(--quiet) }
.device.this { border-color: var(--accent) }
.device.this .icon { background: var(--tint); color: var(--accent) }
.device h2 { display: flex; flex-wrap: wrap; align-items: center; gap: .125rem .625rem }
.badge { padding: .0625rem .5625rem; border-radius: 99rem; background: var(--tint); color: var(--accent); font-size: .78rem; font-weight: 600; white-space: nowrap }
.facts { color: var(--quiet); font-size: .9375rem }
.facts .now { color: var(--good); font-weight: 550 }
.facts .since { font-size: .875rem }

button, .button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.5rem; padding: .4375rem .9375rem;
  border: 1px solid var(--strong); border-radius: .625rem; background: var(--card); color: var(--text);
  font: inherit; font-size: .9375rem; font-weight: 560; line-height: 1.3; text-decoration: none; cursor: pointer;
  transition: background-color .12s, border-color .12s;
}
button:hover, .button:hover { background: var(--hover) }
.primary { border-color: transparent; background: var(--accent); color: var(--on-accent) }
.primary:hover { background: color-mix(in srgb, var(--accent) 88%, var(--text)) }
.danger { border-color: transparent; background: var(--fill); color: #fff }
.danger:hover { background: color-mix(in srgb, var(--fill) 85%, #000) }
button:disabled { cursor: default; opacity: .6 }
.others { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .75rem 1.5rem; margin-top: 2rem; padding: 1.125rem 1.25rem }
.others > div { flex: 1 1 16rem }
.others p { color: var(--quiet); font-size: .9375rem }
.only { margin-top: 1.5rem; color: var(--quiet) }
.words .button { margin-top: 1.5rem }
.words h1 + p { margin-top: .625rem }
@media (max-width: 30rem) {
  .device { grid-template-columns: auto 1fr auto; gap: .375rem .875rem; padding: 1rem }
  .device > div { display: contents }
  .device .icon { width: 2.5rem; height: 2.5rem }
  .device form { grid-area: 1 / 3 }
  .device h2 { grid-area: 1 / 2 }
  .device .facts { grid-area: 2 / 2 / auto / 4 }
  .device button { min-height: 2.25rem; padding: .3125rem .75rem; font-size: .875rem }
  .others form, .others button { width: 100% }
}

.top { display: flex; flex-wrap: wrap; align-items: end; justify-content: space-between; gap: 1rem 2rem }
.search { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem }
label { display: block; margin-bottom: .25rem; color: var(--quiet); font-size: .875rem }
input {
  width: 16rem; max-width: 100%; min-height: 2.5rem; padding: .4375rem .75rem; border: 1px solid var(--strong); border-radius: .625rem;
  background: var(--card); color: var(--text); font: inherit;
}
.stats { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(10rem, 100%), 1fr)); gap: .75rem; margin-top: 1.75rem }
.stats > div { display: flex; flex-direction: column; justify-content: space-between; padding: 1rem 1.25rem }
.stats dt { color: var(--quiet); font-size: .875rem }
.stats dd { font-size: 1.5rem; line-height: 1.3; font-weight: 660; letter-spacing: -.01em; font-variant-numeric: tabular-nums }
.stats dd.good { color: var(--good) }
.stats dd.bad { color: var(--danger) }
.panel { margin-top: .75rem; padding: 1.25rem }
.panel > h2 + * { margin-top: .875rem }
.chart { display: block; width: 100%; height: 10rem }
.chart rect { fill: var(--accent) }
.chart line { stroke: var(--line); vector-effect: non-scaling-stroke }
.axis { display: flex; justify-content: space-between; margin-top: .375rem; color: var(--quiet); font-size: .8125rem }
details { margin-top: .875rem }
summary { width: fit-content; border-radius: .25rem; color: var(--accent); font-size: .9375rem; cursor: pointer }
.scroll { overflow-x: auto; margin-top: .75rem }
table { width: 100%; border-collapse: collapse; font-size: .9375rem }
th, td { padding: .625rem .75rem; border-top: 1px solid var(--line); text-align: left; vertical-align: middle }
thead th { border-top: 0; color: var(--quiet); font-size: .8125rem; font-weight: 560; white-space: nowrap }
th:first-child, td:first-child { padding-left: 0 }
th:last-child, td:last-child { padding-right: 0 }
th a { text-decoration: none }
th a:hover { text-decoration: underline }
.rows tbody tr:last-child > * { padding-bottom: 0 }
td.act { width: 1%; text-align: right; white-space: nowrap }
td button { min-height: 2.125rem; padding: .25rem .75rem; font-size: .875rem }
.num { text-align: right; font-variant-numeric: tabular-nums }
.status { white-space: nowrap; font-weight: 600 }
.status.met { color: var(--good) }
.status.unmet { color: var(--danger) }
.zone { border-color: var(--danger-line) }
.panel > h2 + p + form { margin-top: .75rem }
.zone form { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem }
@media (max-width: 40rem) {
  .search { flex-wrap: nowrap }
  .search > div { flex: 1 1 0; min-width: 0 }
  .search, .search input, .zone form, .zone form > div, .zone input, .zone button { width: 100% }
  .rows thead { display: none }
  .rows, .rows tbody, .rows tr { display: block }
  .rows tr { display: grid; grid-template-columns: 1fr auto; gap: .125rem .75rem; padding: .75rem 0; border-top: 1px solid var(--line) }
  .rows tr:first-child { border-top: 0; padding-top: 0 }
  .rows tr:last-child { padding-bottom: 0 }
  .rows th, .rows td { padding: 0; border: 0 }
  .rows td { grid-column: 1 }
  .rows td.act { grid-column: 2; grid-row: 1 / span 3; align-self: center; width: auto }
}
@media (prefers-reduced-motion: reduce) {
  * { transition: none !important; scroll-behavior: auto !important }
}
@media (forced-colors: active) {
  .card, .badge, .notice { border: 1px solid CanvasText }
  .chart rect { fill: CanvasText }
}
`
