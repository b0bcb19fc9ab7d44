/** A session that was used within this time is active now. Uses are written at most once per `touchInterval`, usually a minute. */
export const ACTIVE_MS = 5 * 60_000

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * 86_400_000],
  ['month', 30 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** Times in a language and a time zone, by `Intl`. A locale or a zone that it does not know is a `RangeError` at construction. */
export class Times {
  readonly locale: string
  readonly #relative: Intl.RelativeTimeFormat
  readonly #day: Intl.DateTimeFormat
  readonly #hour: Intl.DateTimeFormat
  readonly #date: Intl.DateTimeFormat
  readonly #number: Intl.NumberFormat

  constructor(locale: string, timeZone: string) {
    this.locale = locale
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
    this.#day = new Intl.DateTimeFormat(locale, { timeZone, day: 'numeric', month: 'short' })
    this.#hour = new Intl.DateTimeFormat(locale, { timeZone, hour: '2-digit', minute: '2-digit' })
    this.#date = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'medium' })
    this.#number = new Intl.NumberFormat(locale)
  }

  /** Such as "3 hours ago". */
  ago(time: number, now: number): string {
    const ms = Math.max(0, now - time)
    const [unit, length] = UNITS.find(([, size]) => ms >= size) ?? ['minute', 60_000]
    return this.#relative.format(-Math.floor(ms / length), unit)
  }

  date(time: number): string {
    return this.#date.format(time)
  }

  day(time: number): string {
    return this.#day.format(time)
  }

  hour(time: number): string {
    return this.#hour.format(time)
  }

  number(value: number): string {
    return this.#number.format(value)
  }
}
