// What RedisStore refuses of what a client may hand out, by clients that hand out what they are told to. No server.
import type { SessionStoreError } from 'holdfast'
import { type RedisClient, RedisStore } from 'holdfast/stores/redis'
import { beforeEach, describe, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  return () => vi.restoreAllMocks()
})

type Answer = (command: string[]) => unknown

/** The tag of a script's call: behind the script, the number of its keys, and its keys. */
const tagOf = ([, , keys, ...rest]: string[]) => rest[Number(keys)] as string
const opOf = ([, , keys, ...rest]: string[]) => rest[Number(keys) + 1]
const isScript = ([name = '']: string[]) => name.startsWith('EVAL')

/** Each kind of client, by its methods. */
const clients: Record<string, (answer: Answer) => unknown> = {
  ioredis: answer => {
    const call = async (name: string, args: string[]) => answer([name.toUpperCase(), ...args])
    const exec = (commands: string[][]) => Promise.all(commands.map(async ([name = '', ...args]) => [null, await call(name, args)]))
    return { isCluster: false, options: {}, call, pipeline: (commands: string[][]) => ({ exec: () => exec(commands) }) }
  },
  'node-redis': answer => ({ sendCommand: async (command: string[]) => answer(command), multi: () => batch(answer) }),
  'node-redis and Sentinel': answer => ({
    getMasterNode() {},
    sendCommand: async (_: boolean, command: string[]) => answer(command),
    multi: () => batch(answer),
  }),
  'node-redis and a Cluster': answer => ({
    masters: [{ address: 'one:1' }],
    nodeClient: async () => ({ sendCommand: async (command: string[]) => answer(command) }),
    sendCommand: async (_: string, __: boolean, command: string[]) => answer(command),
    multi: () => batch(answer),
  }),
}

function batch(answer: Answer) {
  const commands: string[][] = []
  return {
    addCommand: (...args: unknown[]) => commands.push(args.at(-1) as string[]),
    execAsPipeline: async () => commands.map(answer),
  }
}

const storeOver = (library: string, answer: Answer, options = {}) =>
  new RedisStore(clients[library]?.(command => answer(command)) as RedisClient, options)

/** As the script gives it. */
const own = (tag: string, said: unknown) => [tag, said, `${tag}${sizeOf(said)}`]
function sizeOf(said: unknown): number {
  if (Array.isArray(said)) return said.map(sizeOf).reduce((all, one) => all + one, 1)
  return 1 + Buffer.byteLength(String(said ?? ''))
}

const foreign = {
  code: 'HOLDFAST_STORE',
  outcome: 'unknown',
  message: expect.stringMatching(/^(?:\S+ )*\S+: the client has handed out another command's answer/),
}

describe.each(Object.keys(clients))('RedisStore over %s refuses', library => {
  const answers: [string, (tag: string) => unknown][] = [
    ['nothing', () => null],
    ["a server's OK", () => 'OK'],
    ['its tag alone', tag => tag],
    ['a number', () => 1],
    ['an empty list', () => []],
    ['a record without a tag', () => ['0 9e15 1 -', 'v', null, '{}', '{}']],
    ['two elements, the first of them its tag', tag => [tag, 1]],
    ['its tag in front only', tag => [tag, '1', 'other2']],
    ['its tag behind only', tag => ['other', '1', `${tag}2`]],
    ['its tag behind, but not how much it said', tag => [tag, '1', tag]],
    ['its tag behind, but another number', tag => [tag, '1', `${tag}3`]],
    ['what belongs to another call', () => own('other', '1')],
    ['more than there should be', tag => [...own(tag, '1'), `${tag}2`]],
    ['more within than there should be', tag => [tag, ['destroyed', 'x'], `${tag}${sizeOf(['destroyed'])}`]],
    [
      'a list where there was a value',
      tag => [tag, ['0 1 2 3', 'v', ['other', null, 'user'], '{}', '{}'], `${tag}${sizeOf(['0 1 2 3', 'v', 'user', '{}', '{}'])}`],
    ],
  ]
  it.each(answers)('%s', async (_, answer) => {
    const store = storeOver(library, command => (isScript(command) ? answer(tagOf(command)) : ''))
    await expect(store.load('abc')).rejects.toMatchObject(foreign)
    await expect(store.delete('abc', 'destroyed')).rejects.toMatchObject(foreign)
    await expect(store.touch('abc', { touchedAt: 1, expiresAt: 2 })).rejects.toMatchObject(foreign)
    await expect(store.listByUser('user')).rejects.toMatchObject(foreign)
    await expect(store.findEnded(['abc'])).rejects.toMatchObject(foreign)
  })

  it('nothing of what is its own', async () => {
    const sent: string[] = []
    const store = storeOver(library, command => {
      sent.push(command[0] ?? '')
      return isScript(command) ? own(tagOf(command), opOf(command) === 'load' ? null : '1') : ''
    })
    expect(await store.load('abc')).toBe(null)
    expect(await store.delete('abc', 'destroyed')).toBe(true)
    expect(sent).toEqual(['EVALSHA', 'INFO', 'EVALSHA'])
  })

  const counts: [string, (tag: string) => unknown[]][] = [
    ['another number before', tag => [own(tag, '1'), 57, 0]],
    ['another number in place of the echo', tag => [own(tag, '1'), 0, 57]],
    ['another echo', tag => [own(tag, '1'), 57, 'other']],
    ['an echo where the number should be', tag => [own(tag, '1'), tag, tag]],
    ['no number', tag => [own(tag, '1'), null, tag]],
    ['text', tag => [own(tag, '1'), 'OK', tag]],
    ['nothing behind', tag => [own(tag, '1'), 57, null]],
    ["another call's answer before", tag => [own('other', '1'), 1, tag]],
  ]
  it.each(counts)('what replicas are said to have, with %s', async (_, answers) => {
    let all: unknown[] = []
    const store = storeOver(
      library,
      command => {
        if (isScript(command)) all = answers(tagOf(command))
        return all.shift()
      },
      { confirmReplicas: 1 },
    )
    await expect(store.delete('abc', 'destroyed')).rejects.toMatchObject(foreign)
  })

  it('nothing where replicas have it', async () => {
    const sent: string[][] = []
    let tag = ''
    const store = storeOver(
      library,
      command => {
        if (command[0] === 'INFO') return ''
        sent.push(command)
        if (command[0] === 'WAIT') return '2'
        if (command[0] === 'ECHO') return command[1]
        tag = tagOf(command)
        return own(tag, '1')
      },
      { confirmReplicas: 2 },
    )
    expect(await store.delete('abc', 'destroyed')).toBe(true)
    expect(sent.slice(1)).toEqual([
      ['WAIT', '2', '1000'],
      ['ECHO', tag],
    ])
  })
})

describe('RedisStore lists', () => {
  const list = (library: string, scan: (tag: string) => unknown) => {
    const loaded: string[] = []
    const store = storeOver(
      library,
      command => {
        if (!isScript(command)) return ''
        const tag = tagOf(command)
        if (opOf(command) === 'scan') return scan(tag)
        loaded.push(command[3] ?? '')
        return own(tag, null)
      },
      { prefix: 'mine:' },
    )
    return { page: store.list(), loaded }
  }

  const pages: [string, unknown][] = [
    ['a record', ['0 9e15 1 -', 'v', null, '{}', '{"secret":1}']],
    ['nothing', null],
    ['a number', 1],
    ['a place that is none', ['1x', []]],
    ['a place that is a number', [0, []]],
    ['no list of keys', ['0', 'mine:{abc}s:abc']],
    ['keys that are no text', ['0', ['mine:{abc}s:abc', 1]]],
    ['a list of users', ['0', [['abc', ['v']]]]],
    ['more than a page', ['0', [], 1]],
  ]
  it.each(pages)('nothing by %s in place of a page', async (_, answer) => {
    for (const library of Object.keys(clients)) {
      const { page, loaded } = list(library, tag => own(tag, answer))
      const error = (await page.catch((thrown: unknown) => thrown)) as SessionStoreError
      expect(error).toMatchObject({ code: 'HOLDFAST_STORE', outcome: 'not-applied' })
      expect(error.message).toContain('list: this is no answer to SCAN')
      expect(error.message).not.toMatch(/secret/)
      expect(loaded).toEqual([])
    }
  })

  it('nothing by a page that is not its own', async () => {
    for (const answer of [['0', []], own('other', ['0', []]), ['1234', ['mine:{abc}s:abc']]]) {
      const { page, loaded } = list('node-redis', () => answer)
      await expect(page).rejects.toMatchObject(foreign)
      expect(loaded).toEqual([])
    }
  })

  it('what begins with its prefix, and asks nobody by any other name', async () => {
    const names = ['mine:{abc}s:abc', 'other:{abc}s:def', 'mine:secret', '{"a":"}s:x"}', 'mine:{abc}u:user', 'mine:{abcs:ghi', '']
    const { page, loaded } = list('node-redis', tag => own(tag, ['0', names]))
    expect(await page).toEqual({ records: [], cursor: null })
    expect(loaded).toEqual(['mine:{abc}s:abc'])
  })

  it('names that the client gives as octets, too', async () => {
    const { page, loaded } = list('node-redis', tag => {
      const octets = (said: unknown): unknown => (Array.isArray(said) ? said.map(octets) : Buffer.from(String(said)))
      return octets(own(tag, ['0', ['mine:{abc}s:abc']]))
    })
    expect(await page).toEqual({ records: [], cursor: null })
    expect(loaded).toEqual(['mine:{abc}s:abc'])
  })
})
