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
  optional,
  type Read,
  repeated,
  service,
  status,
  string,
  unary,
} from '#grpc';
import { stat } from './files.ts';
import {
  execMessage,
  newContainerRequest,
  newContainerResponse,
  releaseContainerRequest,
  releaseContainerResponse,
} from './gateway-process.ts';
import { definition, platform, range, sourceInfo, sourceOp } from './llb.ts';
import { policy } from './policy.ts';
import { workerRecord } from './worker.ts';

export * from './gateway-process.ts';

// What a frontend asks of the builder (`moby.buildkit.v1.frontend.LLBBridge`).

const apiCap = message({
  id: string(1),
  enabled: bool(2),
  deprecated: bool(3),
  disabledReason: string(4),
  disabledReasonMsg: string(5),
  disabledAlternative: string(6),
});

const refMapDeprecated = message({
  refs: map(1, string),
});

export const ref = message({
  id: string(1),
  def: embedded(2, definition),
});

const refMap = message({
  refs: map(1, (n) => embedded(n, ref)),
});

const inTotoSubject = message({
  kind: enumeration(1),
  digest: repeated(string(2)),
  name: string(3),
});

export const attestation = message({
  kind: enumeration(1),
  metadata: map(2, bytes),
  ref: embedded(3, ref),
  path: string(4),
  inTotoPredicateType: string(5),
  inTotoSubjects: repeated(embedded(6, inTotoSubject)),
});

export const attestations = message({
  attestation: repeated(embedded(1, attestation)),
});
export type Attestations = Read<typeof attestations>;

export const result = message({
  refDeprecated: optional(string(1)),
  refsDeprecated: embedded(2, refMapDeprecated),
  ref: embedded(3, ref),
  refs: embedded(4, refMap),
  metadata: map(10, bytes),
  attestations: map(12, (n) => embedded(n, attestations)),
});
export type Result = Read<typeof result>;

export const returnRequest = message({
  result: embedded(1, result),
  error: embedded(2, status),
});
export type ReturnRequest = Read<typeof returnRequest>;

export const returnResponse = message({});

const inputsRequest = message({});

export const inputsResponse = message({
  definitions: map(1, (n) => embedded(n, definition)),
});

const resolveImageConfigRequest = message({
  ref: string(1),
  platform: embedded(2, platform),
  resolveMode: string(3),
  logName: string(4),
  resolverType: int32(5),
  sessionId: string(6),
  storeId: string(7),
  sourcePolicies: repeated(embedded(8, policy)),
});
export type ResolveImageConfigRequest = Read<typeof resolveImageConfigRequest>;

export const resolveImageConfigResponse = message({
  digest: string(1),
  config: bytes(2),
  ref: string(3),
});

const resolveSourceMetaRequest = message({
  source: embedded(1, sourceOp),
  platform: embedded(2, platform),
  logName: string(3),
  resolveMode: string(4),
  sourcePolicies: repeated(embedded(8, policy)),
});
export type ResolveSourceMetaRequest = Read<typeof resolveSourceMetaRequest>;

const resolveSourceImageResponse = message({
  digest: string(1),
  config: bytes(2),
});

export const resolveSourceMetaResponse = message({
  source: embedded(1, sourceOp),
  image: embedded(2, resolveSourceImageResponse),
});

export const cacheOptionsEntry = message({
  type: string(1),
  attrs: map(2, string),
});
export type CacheOptionsEntry = Read<typeof cacheOptionsEntry>;

export const solveRequest = message({
  definition: embedded(1, definition),
  frontend: string(2),
  frontendOpt: map(3, string),
  allowResultReturn: bool(5),
  allowResultArrayRef: bool(6),
  final: bool(10),
  exporterAttr: bytes(11),
  cacheImports: repeated(embedded(12, cacheOptionsEntry)),
  frontendInputs: map(13, (n) => embedded(n, definition)),
  evaluate: bool(14),
  sourcePolicies: repeated(embedded(15, policy)),
});
export type SolveRequest = Read<typeof solveRequest>;

export const solveResponse = message({
  ref: string(1),
  result: embedded(3, result),
});
export type SolveResponse = Read<typeof solveResponse>;

const fileRange = message({
  offset: int64(1),
  length: int64(2),
});

const readFileRequest = message({
  ref: string(1),
  filePath: string(2),
  range: embedded(3, fileRange),
});
export type ReadFileRequest = Read<typeof readFileRequest>;

export const readFileResponse = message({
  data: bytes(1),
});

const readDirRequest = message({
  ref: string(1),
  dirPath: string(2),
  includePattern: string(3),
});
export type ReadDirRequest = Read<typeof readDirRequest>;

export const readDirResponse = message({
  entries: repeated(embedded(1, stat)),
});

const statFileRequest = message({
  ref: string(1),
  path: string(2),
});
export type StatFileRequest = Read<typeof statFileRequest>;

export const statFileResponse = message({
  stat: embedded(1, stat),
});

const evaluateRequest = message({
  ref: string(1),
});
export type EvaluateRequest = Read<typeof evaluateRequest>;

export const evaluateResponse = message({});

export const pingRequest = message({});

export const pongResponse = message({
  frontendApiCaps: repeated(embedded(1, apiCap)),
  llbCaps: repeated(embedded(2, apiCap)),
  workers: repeated(embedded(3, workerRecord)),
});

const warnRequest = message({
  digest: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(bytes(4)),
  url: string(5),
  info: embedded(6, sourceInfo),
  ranges: repeated(embedded(7, range)),
});
export type WarnRequest = Read<typeof warnRequest>;

export const warnResponse = message({});

export const llbBridgeService = service('moby.buildkit.v1.frontend.LLBBridge', {
  ResolveImageConfig: unary(resolveImageConfigRequest, resolveImageConfigResponse),
  ResolveSourceMeta: unary(resolveSourceMetaRequest, resolveSourceMetaResponse),
  Solve: unary(solveRequest, solveResponse),
  ReadFile: unary(readFileRequest, readFileResponse),
  ReadDir: unary(readDirRequest, readDirResponse),
  StatFile: unary(statFileRequest, statFileResponse),
  Evaluate: unary(evaluateRequest, evaluateResponse),
  Ping: unary(pingRequest, pongResponse),
  Return: unary(returnRequest, returnResponse),
  Inputs: unary(inputsRequest, inputsResponse),
  NewContainer: unary(newContainerRequest, newContainerResponse),
  ReleaseContainer: unary(releaseContainerRequest, releaseContainerResponse),
  ExecProcess: bidirectional(execMessage, execMessage),
  Warn: unary(warnRequest, warnResponse),
});
