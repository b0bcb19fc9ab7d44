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
