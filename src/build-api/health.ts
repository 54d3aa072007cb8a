import {
  embedded,
  enumeration,
  type Implementation,
  implement,
  map,
  message,
  serverStream,
  service,
  string,
  unary,
} from '#grpc';

// Whether the other side is there (`grpc.health.v1`).

const healthCheckRequest = message({
  service: string(1),
});

const healthCheckResponse = message({
  status: enumeration(1),
});

const healthListRequest = message({});

const healthListResponse = message({
  statuses: map(1, (n) => embedded(n, healthCheckResponse)),
});

const servingStatuses = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;

export const healthService = service('grpc.health.v1.Health', {
  Check: unary(healthCheckRequest, healthCheckResponse),
  List: unary(healthListRequest, healthListResponse),
  Watch: serverStream(healthCheckRequest, healthCheckResponse),
});

/** Says that we are there: each side of a session asks the other. */
export const healthy: Implementation = implement(healthService, {
  Check: () => ({ status: servingStatuses.serving }),
});
