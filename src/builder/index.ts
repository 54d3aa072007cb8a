export { createVertex } from './graph/create-vertex.ts';
export { printGraph } from './graph/print.ts';
export { verticesOf } from './graph/walk.ts';
export { type BuilderOptions, type OpenedBuilder, openBuilder } from './open.ts';
export { SolveError } from './solver/solve-error.ts';
export {
  type LocalDirectories,
  type LocalDirectoriesParts,
  type LocalRecord,
  openLocalDirectories,
} from './sources/local-directories.ts';
export type * from './types.ts';
