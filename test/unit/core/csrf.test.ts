import { describe, expect, it } from 'vitest'
import { judgeCsrf, originsOf } from '../../../src/core/csrf.ts'

const rules = { origins: originsOf('origins', ['https://shop.example']), valid: (token: string) => token === 'good' }

function judge(method: string, headers: Record<string, string>, token?: unknown) {
  return judgeCsrf({ method, header: name => headers[name], token }, rules)
}

describe('judgeCsrf (H19)', () => {
  it.each<[string, Record<string, string>, unknown, string]>([
    ['same-origin passes', { 'sec-fetch-site': 'same-origin' }, undefined, 'fetch-site'],
    ['none passes', { 'sec-fetch-site': 'none' }, undefined, 'fetch-site'],
    [
      'same-origin passes although the Origin is foreign: it is the browser’s own word',
      { 'sec-fetch-site': 'same-origin', origin: 'https://x' },
      undefined,
      'fetch-site',
    ],
    ['a known Origin passes', { origin: 'https://shop.example' }, undefined, 'origin'],
    ['a token passes where the browser says nothing', {}, 'good', 'token'],
  ])('%s', (_, headers, token, by) => {
    expect(judge('POST', headers, token)).toEqual({ ok: true, by })
  })

  it.each<[string, Record<string, string>, unknown, string]>([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }, 'good', 'fetch-site'],
    ['same-site: a neighbour is not the site', { 'sec-fetch-site': 'same-site', origin: 'https://shop.example' }, 'good', 'fetch-site'],
    ['an unknown value', { 'sec-fetch-site': 'Same-Origin' }, 'good', 'fetch-site'],
    ['an empty value', { 'sec-fetch-site': '' }, 'good', 'fetch-site'],
    ['a foreign Origin, whatever the token', { origin: 'https://evil.example' }, 'good', 'origin'],
    ['the Origin null of a sandboxed page', { origin: 'null' }, 'good', 'origin'],
    ['an Origin that only begins like ours', { origin: 'https://shop.example.evil.example' }, 'good', 'origin'],
    ['Host, which is not asked', { host: 'shop.example' }, undefined, 'token'],
    ['no token', {}, undefined, 'token'],
    ['a list of tokens', {}, ['good'], 'token'],
    ['a wrong token', {}, 'bad', 'token'],
  ])('refuses %s', (_, headers, token, reason) => {
    expect(judge('POST', headers, token)).toEqual({ ok: false, reason })
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('%s changes nothing and passes', method => {
    expect(judge(method, { 'sec-fetch-site': 'cross-site' })).toEqual({ ok: true, by: 'method' })
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'PROPFIND'])('%s does not pass by its name', method => {
    expect(judge(method, { 'sec-fetch-site': 'cross-site' }).ok).toBe(false)
  })
})

describe('originsOf', () => {
  it.each(['https://a.example', 'http://localhost:3000', 'https://[::1]:8443'])('takes %s', origin => {
    expect(originsOf('origins', [origin]).has(origin)).toBe(true)
  })

  it.each([
    'https://a.example/',
    'https://A.example',
    'https://a.example:443',
    'a.example',
    'null',
    '*',
    'https://*.a.example/x',
    '',
    7,
    null,
  ])('refuses %s, naming the option', origin => {
    expect(() => originsOf('origins', [origin])).toThrow(/origins/)
  })

  it('refuses what is no list', () => {
    expect(() => originsOf('origins', 'https://a.example')).toThrow(TypeError)
  })
})
