// The parts of the pages: escaping, labels, bars, texts and times.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ACCOUNT_TEXTS } from '../../src/pages/account-texts.ts'
import { accountView } from '../../src/pages/account-view.ts'
import { ADMIN_TEXTS } from '../../src/pages/admin-texts.ts'
import { overview, userView } from '../../src/pages/admin-view.ts'
import { barsOf } from '../../src/pages/chart.ts'
import { document } from '../../src/pages/document.ts'
import { html } from '../../src/pages/html.ts'
import { deviceIcon } from '../../src/pages/icons.ts'
import { labelOf } from '../../src/pages/label.ts'
import type { SitePageSession } from '../../src/pages/port.ts'
import { filled, textsWith } from '../../src/pages/texts.ts'
import { Times } from '../../src/pages/times.ts'
import { AGENTS, unescaped } from './site.ts'

const NOW = Date.UTC(2030, 4, 14, 9, 20)
const HOUR = 3_600_000
const times = new Times('en', 'UTC')

/** What makes trouble in HTML, among anything else. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('<', '>', '"', "'", '&', '</script>', '<!--', '&lt;', '\0', '\n', '\u202e', '\ud800', 'a'), { maxLength: 30 })
    .map(parts => parts.join('')),
)

describe('html', () => {
  it('escapes whatever it is given, and it can be read again', () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        const { text } = html`<p title="${one}">${[other, null, false, undefined]}</p>`
        const [, title = '', inside = ''] = /^<p title="([^"<>']*)">([^"<>']*)<\/p>$/.exec(text) ?? []
        expect([unescaped(title), unescaped(inside)]).toEqual([one, other])
      }),
    )
  })

  it('takes what is HTML as it is, once', () => {
    expect(html`<ul>${['a', '<'].map(one => html`<li>${one}</li>`)}</ul>${0}`.text).toBe('<ul><li>a</li><li>&lt;</li></ul>0')
  })
})

describe('a label', () => {
  it('has at most 80 characters, each of which can be seen', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'grapheme', minLength: 60, maxLength: 2000 })), text => {
        const label = labelOf(text)
        expect([...label].length).toBeLessThanOrEqual(80)
        expect(label).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(label).toBe(label.trim())
      }),
    )
  })

  it('is the text where that is short, and nothing where there is none', () => {
    expect([labelOf(' Firefox \n on\tLinux '), labelOf(''), labelOf(undefined), labelOf(7), labelOf('\u200b\u202e')]).toEqual([
      'Firefox on Linux',
      '',
      '',
      '',
      '',
    ])
    expect(labelOf('x'.repeat(80))).toBe('x'.repeat(80))
    expect(labelOf('x'.repeat(81))).toBe(`${'x'.repeat(79)}…`)
  })
})

const session = fc.record({
  userId: hostile.filter(text => text !== ''),
  handle: fc.constant('A'.repeat(22)),
  device: fc.option(fc.record({ label: hostile, ip: hostile, place: hostile }), { nil: undefined }),
  createdAt: fc.integer({ min: 0, max: NOW * 2 }),
  touchedAt: fc.integer({ min: 0, max: NOW * 2 }),
  expiresAt: fc.constant(NOW),
  current: fc.boolean(),
})

/** The names of all elements, and of all attributes: what texts must not add to. */
const shapeOf = (text: string) => {
  const tags = [...text.matchAll(/<(\/?[a-zA-Z][^\s>]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)]
  return {
    known: new Set(tags.map(([, name]) => name)),
    rest: text.replace(/<!doctype html>/, '').replace(/<\/?[a-zA-Z][^\s>]*(?:\s+[\w:-]+(?:="[^"]*")?)*\s*\/?>/g, ''),
  }
}

describe('the views', () => {
  it('are the same HTML whatever their texts say', () => {
    const scene = { texts: ADMIN_TEXTS, times, now: NOW, token: 't', notice: undefined }
    const listed = { token: 't', now: NOW }
    fc.assert(
      fc.property(fc.array(session, { maxLength: 4 }), hostile, (sessions: SitePageSession[], user) => {
        const found = { sessions, whole: true, live: sessions.length, users: 1, active: 1 }
        for (const view of [
          accountView({ ...listed, sessions }, ACCOUNT_TEXTS, times),
          userView(user, sessions, scene),
          overview(found, { ms: 1 }, [], scene),
        ]) {
          const { known, rest } = shapeOf(view.text)
          expect(rest).not.toMatch(/[<>"]/)
          expect([...known].filter(name => /script|img|iframe|style|object|a:/i.test(name ?? ''))).toEqual([])
        }
      }),
    )
  })

  it('a page’s style and script are those that its policy names', async () => {
    const { createHash } = await import('node:crypto')
    const { headers, body } = document(html`<p>x</p>`, { locale: 'en', title: '<x>', script: 'let x = "</p>"' })
    const policy = String(headers['Content-Security-Policy'])
    for (const [element, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ]) {
      const [, text = ''] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(String(body)) ?? []
      expect(text).not.toBe('')
      expect(policy).toContain(`${directive} 'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    }
    expect(body).toContain('<title>&lt;x&gt;</title>')
    expect(document(html`<p>x</p>`, { locale: 'en', title: 'x' }).headers['Content-Security-Policy']).not.toContain('script-src')
  })
})

describe('bars', () => {
  it('hold each session once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: NOW - 90 * 24 * HOUR, max: NOW + HOUR })), began => {
        const { bars, earlier } = barsOf(began, NOW)
        expect(bars.reduce((sum, { count }) => sum + count, earlier)).toBe(began.length)
      }),
    )
  })

  it('are hours of the last day, or days of the last month; the last one is now', () => {
    const hours = barsOf([NOW, NOW - HOUR, NOW - 22 * HOUR], NOW)
    expect([hours.width, hours.bars.length, hours.bars.at(-1), hours.bars.at(-2)?.count]).toEqual([
      HOUR,
      24,
      { from: Date.UTC(2030, 4, 14, 9), count: 1 },
      1,
    ])
    const days = barsOf([NOW, NOW - 24 * HOUR, NOW - 40 * 24 * HOUR], NOW)
    expect([days.bars.length, days.bars.at(-1), days.bars.at(-2)?.count, days.earlier]).toEqual([
      30,
      { from: Date.UTC(2030, 4, 14), count: 1 },
      1,
      1,
    ])
  })
})

describe('texts', () => {
  it('have their values in their places, and no others', () => {
    expect(filled('{a} of {b}, {c} {constructor}', { a: '$&', b: 2 })).toBe('$& of 2, {c} {constructor}')
    expect(textsWith('x', { a: 'A', b: 'B {n}' }, { b: '{n} b' })).toEqual({ a: 'A', b: '{n} b' })
    expect(() => textsWith('x', { a: 'A' }, { a: '' })).toThrow('must be a text')
    expect(() => textsWith('x', { a: 'A' }, { toString: 'y' } as never)).toThrow('there is no text "toString"')
  })

  it('times are in words', () => {
    expect([0, 59_000, 61_000, 3 * HOUR, 26 * HOUR, 70 * 24 * HOUR, -5000].map(ms => times.ago(NOW - ms, NOW))).toEqual([
      'this minute',
      'this minute',
      '1 minute ago',
      '3 hours ago',
      'yesterday',
      '2 months ago',
      'this minute',
    ])
  })

  it('devices have their pictures', () => {
    const of = (label: string) => deviceIcon(label).text
    const kinds = [of('Safari on iPhone'), of('Safari on iPad'), of('Firefox on Linux'), of('curl')]
    expect(new Set(kinds).size).toBe(4)
    expect(Object.keys(AGENTS).map(label => kinds.indexOf(of(label)))).toEqual([2, 2, 2, 0, 0, 2])
    for (const kind of kinds) expect(kind).toContain('aria-hidden="true"')
  })
})
