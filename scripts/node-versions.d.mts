export const NEWER_NODE: string
/** The binary of a Node version, installed in .cache/node unless it is there. */
export function installNode(version: string): string
