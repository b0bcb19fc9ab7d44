import { createHash } from 'node:crypto'

/** An inline script or style sheet as a Content-Security-Policy names it (CSP Level 3, 2.3.1): with quotes. */
export function contentHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
