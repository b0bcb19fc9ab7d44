/** What nobody reads any more, Node's or the web's: it would hold its file or its socket. */
export function letGo(payload: unknown): void {
  const stream = (payload ?? {}) as { on?(name: string, listener: () => void): unknown; destroy?(): void }
  if (typeof stream.destroy === 'function') {
    stream.on?.('error', () => undefined)
    stream.destroy()
  }
  const body = payload instanceof Response ? payload.body : payload
  if (body instanceof ReadableStream) void body.cancel().catch(() => undefined)
}
