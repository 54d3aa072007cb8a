import {
  embedded,
  enumeration,
  type Implementation,
  implement,
  map,
  message,
  type Read,
  serverStream,
  service,
  string,
  unary,
} from '#grpc';

// Whether the other side is there (`grpc.health.v1`).

export const healthCheckRequest = message({
  service: string(1),
});
export type HealthCheckRequest = Read<typeof healthCheckRequest>;

export const healthCheckResponse = message({
  status: enumeration(1),
});
export type HealthCheckResponse = Read<typeof healthCheckResponse>;

export const healthListRequest = message({});
export type HealthListRequest = Read<typeof healthListRequest>;

export const healthListResponse = message({
  statuses: map(1, (n) => embedded(n, healthCheckResponse)),
});
export type HealthListResponse = Read<typeof healthListResponse>;

export const servingStatuses = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;

export const healthService = service('grpc.health.v1.Health', {
  Check: unary(healthCheckRequest, healthCheckResponse),
  List: unary(healthListRequest, healthListResponse),
  Watch: serverStream(healthCheckRequest, healthCheckResponse),
});

/** Says that we are there: each side of a session asks the other. */
export const healthy: Implementation = implement(healthService, {
  Check: () => ({ status: servingStatuses.serving }),
});
