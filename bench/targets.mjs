// What is compared with what, and how much cheaper Holdfast is meant to be.

/**
 * @typedef {object} Comparison
 * @property {string} ours
 * @property {string} peer
 * @property {string} [primitives] what the path cannot do without
 * @property {Record<string, number | { below: number }>} targets by scenario: the peer's overhead divided by ours, or ours in µs
 */

/** @type {Comparison[]} */
export const comparisons = [
  {
    ours: 'koa-signed',
    peer: 'koa-session',
    primitives: 'primitives-signed',
    targets: { idle: { below: 0.5 }, read200: 3.5, read2k: 2.3, write200: 2.5, write2k: 2, create: 2 },
  },
  {
    ours: 'koa-sealed',
    peer: 'koa-session',
    primitives: 'primitives-sealed',
    targets: { idle: { below: 0.5 }, read200: 2.5, read2k: 2.2, write200: 2, write2k: 2, create: 1.5 },
  },
  {
    ours: 'koa-map',
    peer: 'koa-session-map',
    targets: { idle: 4, read200: 4, read2k: 2.5, write200: 3, write2k: 2.2, create: 2 },
  },
  { ours: 'koa-store', peer: 'koa-generic-session', primitives: 'primitives-store', targets: {} },
  {
    ours: 'express-store',
    peer: 'express-session',
    primitives: 'primitives-store',
    targets: { idle: 6, read200: 5, read2k: 4, write200: 4, write2k: 3, create: 4 },
  },
  {
    ours: 'express-sealed',
    peer: 'cookie-session',
    primitives: 'primitives-sealed',
    targets: { idle: 3, read200: 2.5, read2k: 2, write200: 2.5, write2k: 2, create: 2 },
  },
]

/** How far above the sum of its primitives a path may be. */
export const primitivesFactor = 1.5
