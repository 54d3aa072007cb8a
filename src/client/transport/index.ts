export { ConnectError } from './connect-error.ts';
export type { Connection } from './connection.ts';
export { dialEngine } from './dial.ts';
export { type Endpoint, parseEndpoint } from './endpoint.ts';
export { EngineClient, type EngineClientOptions, type EngineResponse, type HijackedStream } from './engine-client.ts';
export { registryAuthHeader } from './registry-auth.ts';
export { filtersQuery, segment } from './request.ts';
