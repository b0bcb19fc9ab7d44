// Removes the folders named on the command line (build output), on every platform alike.
import { rm } from 'node:fs/promises'

for (const folder of process.argv.slice(2)) await rm(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true })
