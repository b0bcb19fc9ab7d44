import type { Conversation } from '../../support/express/conversation.ts'
import { minute } from '../../support/express/conversation.ts'
import { compare } from '../../support/express/differential.ts'
import { shop } from '../../support/express/handlers.ts'

// Every combination of what decides whether a session is written and its cookie sent, with stores that have `touch` and that lack it.

const requests = [
  '/idle',
  '/who',
  '/login',
  '/idle',
  '/who',
  { to: '/look', after: 1_000 },
  { to: '/idle', after: 1_000 },
  '/renew',
  '/look',
  { to: '/who', first: (env: { store: { records: Map<string, string> } }) => env.store.records.clear() },
  '/who',
  '/look',
]

const conversations = [false, true].flatMap(resave =>
  [false, true].flatMap(saveUninitialized =>
    [false, true].flatMap(rolling =>
      [false, true].flatMap(touch =>
        [undefined, minute].map((maxAge): Conversation => {
          const cookie = maxAge === undefined ? {} : { maxAge }
          return {
            name: JSON.stringify({ resave, saveUninitialized, rolling, touch, ...cookie }),
            options: { resave, saveUninitialized, rolling, cookie },
            store: { touch },
            routes: shop,
            requests,
          }
        }),
      ),
    ),
  ),
)

compare('what is stored and sent', conversations)

compare('options that are left out', [
  { name: 'neither resave nor saveUninitialized', options: { resave: undefined, saveUninitialized: undefined }, routes: shop, requests },
  {
    name: 'no options but the secret',
    options: { resave: undefined, saveUninitialized: undefined, genid: undefined },
    randomIds: true,
    routes: shop,
    requests,
  },
])
