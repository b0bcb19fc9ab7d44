// The servers of test/servers, for measurements: those files are TypeScript, which Vitest's runner loads.
import { fileURLToPath } from 'node:url'
import { createVitest } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @returns {Promise<{ load(file: string): Promise<any>, close(): Promise<void> }>} modules of test/servers by their names */
export async function testServers() {
  const vitest = await createVitest('test', { root, watch: false, reporters: [] })
  // Vite would end the process before the servers and their folders are gone.
  process.removeAllListeners('SIGTERM')
  return { load: file => vitest.import(`${root}test/servers/${file}.ts`), close: () => vitest.close() }
}
