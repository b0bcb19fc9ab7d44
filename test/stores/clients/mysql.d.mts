import type { Opened, OpenOptions } from '../opened.ts'

export function open(options: OpenOptions): Promise<Opened>
