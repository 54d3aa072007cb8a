export type { Api } from './api.ts';
export { createApi } from './api.ts';
export type { ApiRequest, ApiResponse, Hijack } from './exchange.ts';
export type { Features } from './routes.ts';
export { readHostFacts } from './system/host-facts.ts';
export type { CgroupFacts, Component, Credentials, HostFacts, Login, SystemInformation } from './system/types.ts';
export type { Listener } from './transport/listen.ts';
