import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { describeEvent, EventHub, type SessionEvent } from '../../../src/core/events.ts'

const event: SessionEvent = { reason: 'test', key: undefined, value: undefined }

it('tells each listener once, in their order, and only of their event', () => {
  const told: string[] = []
  const hub = new EventHub(() => told.push('report'))
  const first = () => told.push('first')
  hub.on('session:missed', first)
  hub.on('session:missed', first)
  hub.on('session:missed', () => told.push('second'))
  hub.on('session:expired', () => told.push('other'))
  hub.emit('session:missed', event)
  expect(told).toEqual(['first', 'second'])
})

it('a listener that throws stops nobody, and its error is reported', () => {
  const told: unknown[] = []
  const hub = new EventHub(error => told.push(error))
  const error = new Error('mine')
  hub.on('session:gone', () => {
    throw error
  })
  hub.on('session:gone', got => told.push(got))
  hub.emit('session:gone', event)
  expect(told).toEqual([error, event])
})

it('a listener that rejects is no unhandled rejection', async () => {
  const reported = new Promise(resolve => {
    const hub = new EventHub(resolve)
    hub.on('session:gone', async () => {
      throw new Error('later')
    })
    hub.emit('session:gone', event)
  })
  expect(await reported).toEqual(new Error('later'))
})

it('a listener can leave, and leaving twice is nothing', () => {
  const told: string[] = []
  const hub = new EventHub(() => {})
  const listener = () => told.push('told')
  hub.off('session:missed', listener)
  hub.on('session:missed', listener)
  hub.off('session:missed', listener)
  hub.off('session:missed', listener)
  hub.emit('session:missed', event)
  hub.emit('session:invalid', event)
  expect(told).toEqual([])
})

it('an event can be read whole, and shows no id where it is logged', () => {
  const request = { url: '/' }
  const described = describeEvent(
    { reason: 'missed', id: 'the-secret-id', value: { user: 'alice' } },
    { request },
    id => `ref-of-${id.length}`,
  )
  expect([described.reason, described.ref, described.key, described.value, described.request]).toEqual([
    'missed',
    'ref-of-13',
    'the-secret-id',
    { user: 'alice' },
    request,
  ])
  expect(Object.keys(described)).toEqual(['reason', 'ref'])
  expect(JSON.stringify(described) + inspect(described)).not.toMatch(/secret|alice|url/)
})

it('without an id there is nothing to refer to', () => {
  const refOf = () => {
    throw new Error('asked')
  }
  expect(Object.keys(describeEvent({ reason: 'signature' }, {}, refOf))).toEqual(['reason'])
})
