// A disk of a few megabytes, in memory: it can be full, and it can be mounted for reading only. It takes the right to mount, which root has
// on most machines and no one else has.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './process.ts'

export interface SmallDisk {
  path: string
  /** Takes what is left, to the last block, or to the last file that may be there. */
  fill(what: 'blocks' | 'files'): void
  free(): void
  /** For whoever opens a file from now on; a file that is open stays as it is. */
  readOnly(): void
  writable(): void
  stop(): void
}

const BLOCK = Buffer.alloc(4096)
const FILES = 20_000

let refusal: string | undefined | null = null

/** Why there is none here, in a line to be shown where tests are skipped; undefined if there is. */
export function whyNoSmallDisk(): string | undefined {
  if (refusal !== null) return refusal
  try {
    startSmallDisk(1).stop()
    refusal = undefined
  } catch (error) {
    refusal = `a small disk cannot be mounted here: ${(error as Error).message}`
  }
  return refusal
}

export function startSmallDisk(megabytes: number): SmallDisk {
  const folder = temporaryFolder('disk')
  const [path, twin] = [join(folder.path, 'disk'), join(folder.path, 'twin')]
  const ballast = join(path, 'ballast')
  const mounted: string[] = []
  const mount = (at: string, ...args: string[]) => {
    run('mount', ...args, at)
    mounted.push(at)
  }
  // Also where a file on it is still open.
  const unmount = () => run('umount', '--lazy', mounted.pop() ?? '')
  const stop = () => {
    process.removeListener('exit', stop)
    while (mounted.length > 0) unmount()
    folder.remove()
  }
  for (const each of [path, twin]) mkdirSync(each)
  try {
    mount(path, '-t', 'tmpfs', '-o', `size=${megabytes}m,nr_inodes=${FILES},mode=700`, 'tmpfs')
  } catch (error) {
    folder.remove()
    throw error
  }
  process.once('exit', stop)

  return {
    path,
    stop,
    fill(what) {
      mkdirSync(ballast)
      const file = openSync(join(ballast, 'block'), 'a')
      try {
        for (let n = 0; ; n++) {
          if (what === 'blocks') writeSync(file, BLOCK)
          else writeFileSync(join(ballast, String(n)), '')
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(ballast, { recursive: true }),
    // Laid over it: a file system on which somebody writes at this moment cannot itself be turned.
    readOnly() {
      mount(twin, '--bind', path)
      run('mount', '-o', 'remount,bind,ro', twin)
      mount(path, '--bind', twin)
    },
    writable() {
      unmount()
      unmount()
    },
  }
}

/** No file of these processes may become longer, and none be written beyond `octets`: RLIMIT_FSIZE, which takes no rights. */
export function limitFileSize(pids: readonly number[], octets: number | 'unlimited'): void {
  for (const pid of pids) run('prlimit', '--pid', String(pid), `--fsize=${octets}:`)
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr.trim()}`)
}
