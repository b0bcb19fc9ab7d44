// What an open account page is told.
import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { MemoryStore } from 'holdfast/stores/memory'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../promises/support.ts'
import { AGENTS, frameworks, openSite, type PagesSite, Person, pressed } from './site.ts'

const PATH = '/account/sessions'

interface Open {
  status: number
  type: string
  events(): string[]
  close(): void
  readonly over: boolean
}

async function listen(person: Person): Promise<Open> {
  const options = { host: '127.0.0.1', port: person.site.port, path: `${PATH}?events`, headers: { cookie: person.header() }, agent: false }
  const request = http.get(options)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  let over = false
  response.setEncoding('utf8').on('data', piece => {
    text += piece
  })
  response
    .on('error', () => undefined)
    .on('close', () => {
      over = true
    })
  onTestFinished(() => void request.destroy())
  return {
    status: response.statusCode ?? 0,
    type: String(response.headers['content-type']),
    events: () => [...text.matchAll(/^event: (\w+)$/gm)].map(([, name = '']) => name),
    close: () => void request.destroy(),
    get over() {
      return over
    },
  }
}

describe.each(frameworks)('an open page on %s', framework => {
  it('is told that its session has ended, and the stream is over; other pages are not', async () => {
    const site = await openSite(framework)
    const laptop = await new Person(site).login('ann')
    const phone = await new Person(site).login('ann', AGENTS['Safari on iPhone'])
    const [mine, theirs] = [await listen(laptop), await listen(phone)]
    expect([mine.status, mine.type]).toEqual([200, 'text/event-stream; charset=utf-8'])
    await laptop.press(PATH, /^Sign out Safari/)
    await until(async () => theirs.over)
    expect(theirs.events()).toEqual(['ended'])
    expect([mine.events().includes('ended'), mine.over]).toEqual([false, false])
  })

  it('is told within seconds what another process has done, which has only the store in common', async () => {
    const site = await openSite(framework)
    const elsewhere = await openSite(framework, { store: site.store })
    const phone = await new Person(site).login('ann', AGENTS['Safari on iPhone'])
    const laptop = await new Person(elsewhere).login('ann')
    const theirs = await listen(phone)
    await laptop.press(PATH, /^Sign out Safari/)
    await until(async () => theirs.over)
    expect(theirs.events().at(-1)).toBe('ended')
  })

  it('is told of another list', async () => {
    const site = await openSite(framework)
    const laptop = await new Person(site).login('ann')
    const mine = await listen(laptop)
    await new Person(site).login('eve')
    await new Person(site).login('ann', AGENTS['Safari on iPhone'])
    await until(async () => mine.events().length > 0)
    expect(mine.events()).toEqual(['changed'])
  })

  it('is told to come again when its session has a new id', async () => {
    const site = await openSite(framework)
    const laptop = await new Person(site).login('ann')
    const mine = await listen(laptop)
    await laptop.get('/confirm')
    await until(async () => mine.over)
    expect(mine.events()).toEqual(['again'])
  })

  it('whose session is over before its stream begins is told so at once', async () => {
    const site = await openSite(framework)
    const laptop = await new Person(site).login('ann')
    await site.sessions.revokeAll('ann')
    const mine = await listen(laptop)
    await until(async () => mine.over)
    expect(mine.events()).toEqual(['ended'])
  })

  it('is one of at most 20 of its user; one that closes makes place', async () => {
    const site = await openSite(framework)
    const [ann, eve] = [await new Person(site).login('ann'), await new Person(site).login('eve')]
    const open = []
    for (let n = 0; n < 20; n++) open.push(await listen(ann))
    expect(open.map(({ status }) => status)).toEqual(open.map(() => 200))
    expect((await listen(ann)).status).toBe(429)
    expect((await listen(eve)).status).toBe(200)
    expect(pressed((await ann.get(PATH)).body, /This device$/).fields.handle).toHaveLength(22)
    open[0]?.close()
    await until(async () => (await listen(ann)).status === 200)
    expect((await listen(ann)).status).toBe(429)
    expect(site.errors).toEqual([])
  })

  it('costs nothing once its browser has gone, also while its session was loading', async () => {
    const store = new SlowStore()
    const site = await openSite(framework, { store })
    const ann = await new Person(site).login('ann')
    store.hold()
    for (let n = 0; n < 20; n++) {
      const socket = connect(site.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(requestOf(ann, `${PATH}?events`))
      await until(async () => store.held === n + 1)
      socket.destroy()
    }
    await until(async () => (await connectionsOf(site)) === 0)
    store.release()
    await until(async () => (await listen(ann)).status === 200)
    expect(site.errors).toEqual([])
  })

  it('costs nothing once its connection has gone, also where it waited behind another answer', async () => {
    const site = await openSite(framework)
    const ann = await new Person(site).login('ann')
    const loads = vi.spyOn(site.store, 'load')
    for (let n = 0; n < 20; n++) {
      const socket = connect(site.port, '127.0.0.1')
      await once(socket, 'connect')
      const before = loads.mock.calls.length
      // The first stays open, so that the second one's answer never begins.
      socket.write(requestOf(ann, `${PATH}?events`) + requestOf(ann, `${PATH}?events`))
      await until(async () => loads.mock.calls.length >= before + 2)
      socket.destroy()
      await until(async () => (await connectionsOf(site)) === 0)
    }
    await until(async () => (await listen(ann)).status === 200)
    // Koa tells its app of a connection that was reset, whatever the answer.
    expect(site.errors.filter(({ code }) => code !== 'ECONNRESET')).toEqual([])
  })
})

/** A store whose loads wait. */
class SlowStore extends MemoryStore {
  held = 0
  #gate: Promise<void> | undefined
  release = () => {}

  hold(): void {
    this.#gate = new Promise(resolve => {
      this.release = () => {
        this.#gate = undefined
        resolve()
      }
    })
  }

  override async load(key: string) {
    if (this.#gate) {
      this.held++
      await this.#gate
    }
    return super.load(key)
  }
}

const requestOf = (person: Person, path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: ${person.header()}\r\n\r\n`
const connectionsOf = ({ server }: PagesSite) =>
  new Promise<number>((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))))
