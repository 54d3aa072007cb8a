import {
  bidirectional,
  bool,
  bytes,
  embedded,
  enumeration,
  int32,
  int64,
  map,
  message,
  numberMap,
  type Read,
  repeated,
  serverStream,
  service,
  status,
  string,
  unary,
} from '#grpc';
import { bytesMessage } from './bytes-message.ts';
import { definition, progressGroup, range, sourceInfo } from './llb.ts';
import { policy } from './policy.ts';
import { timestamp } from './timestamp.ts';
import { buildkitVersion, workerRecord } from './worker.ts';

// The service that builds (`moby.buildkit.v1.Control`).

const pruneRequest = message({
  filter: repeated(string(1)),
  all: bool(2),
  keepDuration: int64(3),
  reservedSpace: int64(4),
  maxUsedSpace: int64(5),
  minFreeSpace: int64(6),
});
export type PruneRequest = Read<typeof pruneRequest>;

const diskUsageRequest = message({
  filter: repeated(string(1)),
  ageLimit: int64(2),
});
export type DiskUsageRequest = Read<typeof diskUsageRequest>;

export const usageRecord = message({
  id: string(1),
  mutable: bool(2),
  inUse: bool(3),
  size: int64(4),
  parent: string(5),
  createdAt: embedded(6, timestamp),
  lastUsedAt: embedded(7, timestamp),
  usageCount: int64(8),
  description: string(9),
  recordType: string(10),
  shared: bool(11),
  parents: repeated(string(12)),
});

export const diskUsageResponse = message({
  record: repeated(embedded(1, usageRecord)),
});

export const cacheOptionsEntry = message({
  type: string(1),
  attrs: map(2, string),
});
export type CacheOptionsEntry = Read<typeof cacheOptionsEntry>;

export const cacheOptions = message({
  exportRefDeprecated: string(1),
  importRefsDeprecated: repeated(string(2)),
  exportAttrsDeprecated: map(3, string),
  exports: repeated(embedded(4, cacheOptionsEntry)),
  imports: repeated(embedded(5, cacheOptionsEntry)),
});
export type CacheOptions = Read<typeof cacheOptions>;

export const exporter = message({
  type: string(1),
  attrs: map(2, string),
});
export type Exporter = Read<typeof exporter>;

export const solveRequest = message({
  ref: string(1),
  definition: embedded(2, definition),
  exporterDeprecated: string(3),
  exporterAttrsDeprecated: map(4, string),
  session: string(5),
  frontend: string(6),
  frontendAttrs: map(7, string),
  cache: embedded(8, cacheOptions),
  entitlements: repeated(string(9)),
  frontendInputs: map(10, (n) => embedded(n, definition)),
  internal: bool(11),
  sourcePolicy: embedded(12, policy),
  exporters: repeated(embedded(13, exporter)),
  enableSessionExporter: bool(14),
});
export type SolveRequest = Read<typeof solveRequest>;

export const solveResponse = message({
  exporterResponse: map(1, string),
});
export type SolveResponse = Read<typeof solveResponse>;

export const statusRequest = message({
  ref: string(1),
});
export type StatusRequest = Read<typeof statusRequest>;

export const vertex = message({
  digest: string(1),
  inputs: repeated(string(2)),
  name: string(3),
  cached: bool(4),
  started: embedded(5, timestamp),
  completed: embedded(6, timestamp),
  error: string(7),
  progressGroup: embedded(8, progressGroup),
  /** Ours, where a client asked to be told: why it was done anew. Others skip what they do not know. */
  cause: string(1000),
});
export type Vertex = Read<typeof vertex>;

export const vertexStatus = message({
  id: string(1),
  vertex: string(2),
  name: string(3),
  current: int64(4),
  total: int64(5),
  timestamp: embedded(6, timestamp),
  started: embedded(7, timestamp),
  completed: embedded(8, timestamp),
});

export const vertexLog = message({
  vertex: string(1),
  timestamp: embedded(2, timestamp),
  stream: int64(3),
  msg: bytes(4),
});

export const vertexWarning = message({
  vertex: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(bytes(4)),
  url: string(5),
  info: embedded(6, sourceInfo),
  ranges: repeated(embedded(7, range)),
});

export const statusResponse = message({
  vertexes: repeated(embedded(1, vertex)),
  statuses: repeated(embedded(2, vertexStatus)),
  logs: repeated(embedded(3, vertexLog)),
  warnings: repeated(embedded(4, vertexWarning)),
});
export type StatusResponse = Read<typeof statusResponse>;

const listWorkersRequest = message({
  filter: repeated(string(1)),
});

const listWorkersResponse = message({
  record: repeated(embedded(1, workerRecord)),
});

export const infoRequest = message({});
export type InfoRequest = Read<typeof infoRequest>;

export const infoResponse = message({
  buildkitVersion: embedded(1, buildkitVersion),
});
export type InfoResponse = Read<typeof infoResponse>;

export const buildHistoryRequest = message({
  activeOnly: bool(1),
  ref: string(2),
  earlyExit: bool(3),
  filter: repeated(string(4)),
  limit: int32(5),
});
export type BuildHistoryRequest = Read<typeof buildHistoryRequest>;

export const descriptor = message({
  mediaType: string(1),
  digest: string(2),
  size: int64(3),
  annotations: map(5, string),
});
export type Descriptor = Read<typeof descriptor>;

const buildResultInfo = message({
  resultDeprecated: embedded(1, descriptor),
  attestations: repeated(embedded(2, descriptor)),
  results: numberMap(3, (n) => embedded(n, descriptor)),
});

export const buildHistoryRecord = message({
  ref: string(1),
  frontend: string(2),
  frontendAttrs: map(3, string),
  exporters: repeated(embedded(4, exporter)),
  error: embedded(5, status),
  createdAt: embedded(6, timestamp),
  completedAt: embedded(7, timestamp),
  logs: embedded(8, descriptor),
  exporterResponse: map(9, string),
  result: embedded(10, buildResultInfo),
  results: map(11, (n) => embedded(n, buildResultInfo)),
  generation: int32(12),
  trace: embedded(13, descriptor),
  pinned: bool(14),
  numCachedSteps: int32(15),
  numTotalSteps: int32(16),
  numCompletedSteps: int32(17),
  externalError: embedded(18, descriptor),
  numWarnings: int32(19),
});

export const buildHistoryEvent = message({
  type: enumeration(1),
  record: embedded(2, buildHistoryRecord),
});

export const updateBuildHistoryRequest = message({
  ref: string(1),
  pinned: bool(2),
  delete: bool(3),
  finalize: bool(4),
});

export const updateBuildHistoryResponse = message({});

export const buildHistoryEventTypes = { started: 0, complete: 1, deleted: 2 } as const;

export const controlService = service('moby.buildkit.v1.Control', {
  DiskUsage: unary(diskUsageRequest, diskUsageResponse),
  Prune: serverStream(pruneRequest, usageRecord),
  Solve: unary(solveRequest, solveResponse),
  Status: serverStream(statusRequest, statusResponse),
  Session: bidirectional(bytesMessage, bytesMessage),
  ListWorkers: unary(listWorkersRequest, listWorkersResponse),
  Info: unary(infoRequest, infoResponse),
  ListenBuildHistory: serverStream(buildHistoryRequest, buildHistoryEvent),
  UpdateBuildHistory: unary(updateBuildHistoryRequest, updateBuildHistoryResponse),
});
