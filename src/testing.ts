export type { SessionStoreKitOptions, StoreSpace } from './testing/bench.ts'
export { testSessionStore } from './testing/kit.ts'
