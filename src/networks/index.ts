export { unconnectedEndpoint } from './endpoint.ts';
export type { NameResolver } from './names/index.ts';
export { type NetworkOptions, openNetworks } from './open.ts';
export { portSummaries } from './ports/present.ts';
export * from './types.ts';
