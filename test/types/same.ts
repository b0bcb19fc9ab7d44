/** Passes only when both types are the same one; `any` equals nothing but itself. */
export function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : ['different', A, B]): void {}
