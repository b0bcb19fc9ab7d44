/** A real server for the tests: on a free loopback port, with a folder of its own. */
export interface TestServer {
  url: string
  port: number
  /** A crash: SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>
  /** Again after `kill()`: on the same port, with the same data. Resolves when it answers. */
  start(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** One that can also be asked to end. */
export interface RestartableServer extends TestServer {
  /** Ends it as its operators do; its data stay. Resolves when the process is gone. By default without waiting for clients. */
  shutDown(signal?: NodeJS.Signals): Promise<void>
}
