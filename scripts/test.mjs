// `npm test`. With names (`npm test -- lint types`) it runs only those steps.
import { runAll, steps } from './steps.mjs'

const names = process.argv.slice(2)
const unknown = names.filter(name => !steps.some(step => step.name === name))
if (unknown.length > 0) {
  console.error(`no step named ${unknown.join(', ')}; there are: ${steps.map(step => step.name).join(', ')}`)
  process.exit(1)
}
await runAll(names.length > 0 ? steps.filter(step => names.includes(step.name)) : steps)
