export { createNames } from './names.ts';
export type { NamedEndpoint, NameResolver, Names } from './types.ts';
