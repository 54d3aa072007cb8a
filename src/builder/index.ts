export { createVertex } from './graph/create-vertex.ts';
export { printGraph } from './graph/print.ts';
export { verticesOf } from './graph/walk.ts';
export { SolveError } from './solver/solve-error.ts';
export type * from './types.ts';
