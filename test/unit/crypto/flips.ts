/** A token with each one of its bits flipped, as the text that it then is. */
export function bitFlips(token: string): string[] {
  return Array.from(token).flatMap((char, at) =>
    [1, 2, 4, 8, 16, 32, 64, 128].map(bit => token.slice(0, at) + String.fromCharCode(char.charCodeAt(0) ^ bit) + token.slice(at + 1)),
  )
}
