// Writes the test vectors of docs/format.md, by node:crypto alone: nothing of src/ is used, so that code and page check each other.
// node scripts/format-vectors.mjs > test/unit/crypto/sealed-vectors.json

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { pathToFileURL } from 'node:url'

const derive = (secret, info, octets) => Buffer.from(hkdfSync('sha256', secret, '', info, octets))

export const keyId = secret => derive(secret, 'holdfast/v1/key-id', 6)

const subkey = (secret, { purpose, scope }, hour) => derive(secret, `holdfast/v1/sealed/2/${purpose}/${hour}/${scope}`, 32)

const associated = (header, { purpose, scope }) => Buffer.concat([header, Buffer.from(`${purpose}\0${scope}`, 'utf8')])

/** A token, from all that it is made of. Times in seconds since the epoch. */
export function seal({ secret, originSecret = secret, purpose, scope, bornAt, issuedAt, expiresAt, padTo, nonce, text }) {
  const header = Buffer.alloc(33)
  const hour = Math.floor(issuedAt / 3600)
  header.writeUInt8(2, 0)
  keyId(secret).copy(header, 1)
  keyId(originSecret).copy(header, 7)
  header.writeUInt32BE(bornAt, 13)
  header.writeUInt32BE(hour, 17)
  Buffer.from(nonce, 'hex').copy(header, 21)
  const octets = Buffer.from(text, 'utf8')
  const framed = Buffer.alloc(Math.ceil((octets.length + 9) / padTo) * padTo)
  framed.writeUInt32BE(issuedAt, 0)
  framed.writeUInt32BE(expiresAt, 4)
  octets.copy(framed, 8)
  framed[8 + octets.length] = 0x80
  const cipher = createCipheriv('aes-256-gcm', subkey(secret, { purpose, scope }, hour), header.subarray(21), { authTagLength: 16 })
  cipher.setAAD(associated(header, { purpose, scope }))
  return Buffer.concat([header, cipher.update(framed), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** The text of a token. */
export function open(token, { secret, purpose, scope }) {
  const octets = Buffer.from(token, 'base64url')
  const header = octets.subarray(0, 33)
  const key = subkey(secret, { purpose, scope }, header.readUInt32BE(17))
  const decipher = createDecipheriv('aes-256-gcm', key, header.subarray(21), { authTagLength: 16 })
  decipher.setAAD(associated(header, { purpose, scope }))
  decipher.setAuthTag(octets.subarray(-16))
  const framed = Buffer.concat([decipher.update(octets.subarray(33, -16)), decipher.final()])
  return framed.toString('utf8', 8, framed.lastIndexOf(0x80))
}

const first = {
  secret: 'correct horse battery staple, 32+',
  purpose: 'session',
  scope: '__Host-sid',
  bornAt: 1_893_456_000,
  issuedAt: 1_893_457_800,
  expiresAt: 1_893_459_600,
  padTo: 1,
  nonce: '000102030405060708090a0b',
  text: '{"l":[1893456000000,1893457800000,1800000,1893459600000,1893499200000,null,-1],"d":{"user":"ann"}}',
}

export const cases = [
  { name: 'a session in its first hour', ...first },
  {
    name: 'issued again under a newer key',
    ...first,
    secret: 'another secret of at least 32 octets',
    originSecret: first.secret,
    nonce: 'f0f1f2f3f4f5f6f7f8f9fafb',
  },
  {
    name: 'padded to 64 octets, of unknown birth',
    ...first,
    bornAt: 0,
    padTo: 64,
    nonce: 'ffffffffffffffffffffffff',
    text: '{"d":{"name":"Zoë"}}',
  },
  {
    name: 'an empty text for another purpose',
    ...first,
    purpose: 'login-ticket',
    scope: 'sid',
    text: '',
    nonce: '000000000000000000000000',
  },
]

export const vectors = () =>
  cases.map(each => ({
    ...each,
    keyId: keyId(each.secret).toString('base64url'),
    origin: keyId(each.originSecret ?? each.secret).toString('base64url'),
    token: seal(each),
  }))

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(`${JSON.stringify(vectors(), null, 2)}\n`)
