export function documentDBRoot(): string | undefined
export function setUpDocumentDB(): { done: 'there' | 'built' } | { done: 'impossible'; why: string }
