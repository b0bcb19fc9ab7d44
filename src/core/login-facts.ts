import type { Meta } from './record.ts'

/** Who sent a request, as the framework tells it by its own rules of which proxy to trust. */
export interface Asker {
  /** The client's address. It may be any text: some proxies hand on what a client has written. */
  readonly ip: string | undefined
  /** The header `User-Agent`, any text as well. */
  readonly userAgent: string | undefined
}

/** The device that somebody has logged in from, as it was then. All of it is text for people: escape it on a page. */
export interface Device {
  /** Such as `Firefox on Linux`: at most 80 printable characters. */
  label: string
  /** The address that the login came from, or the beginning of it; absent where none is kept. */
  ip?: string
  /** What the site's `locate` has said of the address: at most 80 printable characters. */
  place?: string
}

/** What is kept of each login beside the data. Every id that the session is given takes it along, until the next login. */
export interface LoginFacts {
  /** Random, and the same through all new ids of the session: what its public handle is made of. */
  login: string
  device?: Device
}

export function withFacts(meta: Meta | undefined, facts: LoginFacts): Meta {
  return { ...meta, ...facts }
}

/** Absent in a session that began before logins had names. */
export function loginNameOf(meta: Meta | undefined): string | undefined {
  return typeof meta?.login === 'string' ? meta.login : undefined
}

/** The device of a session, if that is known. What somebody else has written there is none. */
export function deviceOf(meta: Meta | undefined): Device | undefined {
  const { label, ip, place } = (meta?.device ?? {}) as Partial<Device>
  if (typeof label !== 'string') return undefined
  return { label, ...(typeof ip === 'string' && { ip }), ...(typeof place === 'string' && { place }) }
}

const MOST_CHARACTERS = 80
/** Controls, marks of direction, halves of characters, what has no meaning of its own, and line breaks of any kind. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu
/** What has a meaning to HTML or a shell has none in a label. */
const MARKUP = /[<>&"'`\\]/g

/** Text from outside as a label: one line of at most 80 printable characters. Undefined where nothing is left. */
export function labelOf(text: string): string | undefined {
  const line = text.replace(UNPRINTABLE, ' ').replace(MARKUP, '').replace(/\s+/g, ' ').trim()
  return [...line].slice(0, MOST_CHARACTERS).join('').trim() || undefined
}

/** The label of a device of which nothing is known. */
export const UNKNOWN_DEVICE = 'Unknown device'
