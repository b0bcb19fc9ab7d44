/** The folder of the package, for the Node that runs this; undefined where it has not been set up. */
export function betterSqlite3(): string | undefined
/** Does nothing where it is there. Throws what npm and the compiler have said if it cannot be done. */
export function setUpBetterSqlite3(): Promise<void>
