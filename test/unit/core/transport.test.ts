import { expect, it } from 'vitest'
import { headerTransport } from '../../../src/core/transport.ts'

it('reads, writes and clears one header, and never a cookie', () => {
  const transport = headerTransport('X-Session-Token')
  const sent: [string, string | readonly string[]][] = []
  const headers = { get: () => undefined, set: (name: string, value: string | readonly string[]) => void sent.push([name, value]) }
  const asked: string[] = []
  const token = transport.read(name => {
    asked.push(name)
    return 'the token'
  })
  expect(token).toBe('the token')
  expect(asked).toEqual(['x-session-token'])
  transport.write(headers, 'new', 5)
  transport.clear(headers)
  expect(sent).toEqual([
    ['X-Session-Token', 'new'],
    ['X-Session-Token', ''],
  ])
  expect(transport.vary).toBe('X-Session-Token')
  expect(transport.cookieName).toBeUndefined()
})

it.each(['', 'a b', 'a:b', 'a\n', 'é'])('%j is no header name', name => {
  expect(() => headerTransport(name)).toThrow(/headerTransport: name/)
})
