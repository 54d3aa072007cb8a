export type { AddressPool } from './addresses/subnets.ts';
export type { DefaultBridgeSettings } from './default-bridge.ts';
export { unconnectedEndpoint } from './endpoint.ts';
export { readMark } from './firewall/state.ts';
export type { NameResolver } from './names/index.ts';
export { type NetworkOptions, type NetworkSettings, openNetworks } from './open.ts';
export { portSummaries } from './ports/present.ts';
export { readTraceTarget, type TraceParty, type TraceRequest } from './trace/parties.ts';
export * from './types.ts';
