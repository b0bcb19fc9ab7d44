/** HTML that needs no escaping any more. Only `html` makes it of values, and escapes each. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

export type HtmlValue = string | number | Html | false | null | undefined | readonly HtmlValue[]

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for an element, and for an attribute in quotes (HTML, 13.3). */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, char => ENTITIES[char] as string)
}

/** A piece of HTML. Each value is escaped, but what another `html` has made; what is false or absent is nothing. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return new Html(parts.reduce((text, part, n) => text + written(values[n - 1]) + part))
}

function written(value: HtmlValue): string {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(written).join('')
  return value === false || value === null || value === undefined ? '' : escapeHtml(String(value))
}
