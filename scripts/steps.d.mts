/** Where the tests are that need what the set-up installs: databases, a browser. */
export const onServers: readonly string[]
