/** Whether this is `npm run test:full`, which plays also what takes long and differs little from its neighbours. */
export const full = process.env.HOLDFAST_TEST_FULL !== undefined
