import type { Seen, Step } from './conversation.ts'

const MINUTE = 60_000

/** The conversations, each once with express-session alone, and then by all others. */
export const scripts: Record<string, readonly Step[]> = {
  'from the first visit to the logout': [
    ['ada', '/nothing'],
    ['ada', '/read'],
    ['ada', '/set?theme=dark'],
    ['ada', '/read'],
    { copy: ['ada', 'thief'] },
    ['ada', '/login?user=ada'],
    ['ada', '/read'],
    ['thief', '/read'],
    ['bob', '/login?user=bob'],
    ['ada', '/count'],
    ['bob', '/count'],
    ['ada', '/count'],
    ['ada', '/same'],
    ['ada', '/deep?item=1'],
    ['ada', '/deep?item=2'],
    ['ada', '/nothing'],
    ['ada', '/forget?key=count'],
    ['bob', '/enter?user=robert'],
    ['bob', '/read'],
    { copy: ['bob', 'thief'] },
    ['bob', '/destroy'],
    ['thief', '/read'],
    ['bob', '/read'],
    ['bob', '/login?user=bob'],
    ['bob', '/destroy-and-redirect'],
    ['bob', '/read'],
    ['ada', '/read'],
  ],

  'a new id': [
    ['ada', '/login?user=ada'],
    { copy: ['ada', 'thief'] },
    ['ada', '/regenerate-and-keep'],
    ['thief', '/read'],
    ['ada', '/read'],
    ['ada', '/regenerate'],
    ['ada', '/read'],
    ['ada', '/login?user=ada'],
    ['ada', '/store-regenerate'],
    ['ada', '/read'],
    ['new', '/regenerate'],
    ['new', '/regenerate-and-keep'],
  ],

  'saved, loaded again, and asked of the store': [
    ['ada', '/login?user=ada'],
    ['ada', '/reload'],
    ['ada', '/reload-and-set'],
    ['ada', '/read'],
    ['ada', '/save'],
    ['ada', '/save-and-get'],
    ['ada', '/save-and-set'],
    ['ada', '/read'],
    ['ada', '/store-get'],
    ['ada', '/store-load'],
    ['new', '/save-and-set'],
    ['new', '/read'],
    ['new', '/store-get'],
    ['ada', '/destroy-and-get'],
    ['ada', '/store-get'],
    ['newer', '/reload'],
    ['newest', '/store-load'],
  ],

  'given up': [
    ['ada', '/login?user=ada'],
    ['ada', '/unset'],
    ['ada', '/read'],
    ['ada', '/login?user=ada'],
    ['ada', '/delete'],
    ['ada', '/read'],
    ['new', '/unset'],
    ['new', '/delete'],
    ['new', '/destroy'],
  ],

  'its life': [
    ['ada', '/login?user=ada'],
    ['bob', '/login?user=bob'],
    { pass: MINUTE / 2 },
    ['ada', '/touch'],
    ['bob', '/nothing'],
    { pass: MINUTE / 2 },
    ['ada', '/read'],
    ['bob', '/read'],
    ['ada', `/life?ms=${5 * MINUTE}`],
    ['ada', '/count'],
    { pass: 2 * MINUTE },
    ['ada', '/read'],
    ['bob', '/read'],
    ['bob', '/login?user=bob'],
    { pass: 2 * MINUTE },
    ['ada', '/read'],
    ['bob', '/read'],
    ['ada', '/session-life'],
    ['ada', '/count'],
    { pass: 6 * MINUTE },
    ['ada', '/read'],
    { pass: 25 * 60 * MINUTE },
    ['ada', '/read'],
  ],
}

/** Who it was at each look, where sessions end after a minute without use. */
export const known: Record<string, string[]> = {
  'from the first visit to the logout': ['ada -, ada -, ada ada, thief -, bob robert, thief -, bob -, bob -, ada ada'],
  'a new id': ['thief -, ada ada, ada -, ada -'],
  'saved, loaded again, and asked of the store': ['ada ada, ada ada, new -'],
  'given up': ['ada ada, ada ada'],
  'its life': [
    'ada ada, bob bob, ada ada, bob -, ada ada, bob -, ada ada, ada -',
    // Where a touch leaves the record as it is, a longer life is not kept.
    'ada ada, bob bob, ada -, bob -, ada -, bob -, ada -, ada -',
  ],
}

export function usersOf(seen: Seen[]): string {
  const looks = seen.filter(({ step }) => step.endsWith(' /read'))
  return looks.map(({ step, body = '' }) => `${step.split(' ')[0]} ${JSON.parse(body).data.user ?? '-'}`).join(', ')
}
