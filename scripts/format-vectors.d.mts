export interface VectorCase {
  name: string
  secret: string
  originSecret?: string
  purpose: string
  scope: string
  bornAt: number
  issuedAt: number
  expiresAt: number
  padTo: number
  nonce: string
  text: string
}

export function seal(parts: Omit<VectorCase, 'name'>): string
export function open(token: string, parts: Pick<VectorCase, 'secret' | 'purpose' | 'scope'>): string
export function vectors(): Array<VectorCase & { keyId: string; origin: string; token: string }>
