import { Visitor } from '../examples/child.ts'

/** What browsers call themselves, by the label that a login makes of it. */
export const AGENTS = {
  'Firefox on Linux': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0',
  'Safari on iPhone':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1',
} as const

/** A visitor whose browser runs no scripts: it sends forms as a page of the demo does, and follows no redirect by itself. */
export class Guest extends Visitor {
  constructor(url: string, agent: keyof typeof AGENTS = 'Firefox on Linux') {
    super(url, { 'sec-fetch-site': 'same-origin', 'user-agent': AGENTS[agent] })
  }

  async post(path: string, fields: Record<string, string> = {}): Promise<number> {
    return (await this.submit(path, fields)).status
  }

  async text(path: string): Promise<string> {
    return (await this.get(path)).body.replace(/\s+/g, ' ')
  }

  /** The devices that the account page lists, this one first. */
  async devices(): Promise<string[]> {
    return [...(await this.text('/account')).matchAll(/<h2>([^<]*)/g)].map(([, label = '']) => label.trim())
  }

  /** What the button behind a device on the account page, or the page of a user, sends. */
  async fieldsFor(label: string, path = '/account'): Promise<Record<string, string>> {
    const forms = (await this.get(path)).body.split('<form ').filter(form => form.includes(`Sign out<span class="vh"> ${label}`))
    if (forms.length !== 1) throw new Error(`${forms.length} devices are called ${label}`)
    const fields = [...(forms[0] ?? '').matchAll(/name="([^"]*)" value="([^"]*)"/g)]
    return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value.replaceAll('&quot;', '"')]))
  }

  /** Opens the account page's stream; `told` is the name of the first event on it. */
  async listen(): Promise<{ told: Promise<string> }> {
    const headers = { ...this.headers, cookie: this.cookie(), accept: 'text/event-stream' }
    const { body } = await fetch(`${this.url}/account?events`, { headers })
    if (!body) throw new Error('the stream has no body')
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    let text = (await reader.read()).value ?? ''
    const told = async (): Promise<string> => {
      const event = /event: (\w+)\n/.exec(text)?.[1]
      if (event) return reader.cancel().then(() => event)
      const { value, done } = await reader.read()
      if (done) return 'nothing'
      text += value
      return told()
    }
    return { told: told() }
  }
}
