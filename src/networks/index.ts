export { unconnectedEndpoint } from './endpoint.ts';
export { type NetworkOptions, openNetworks } from './open.ts';
export { portSummaries } from './ports/present.ts';
export * from './types.ts';
