import {
  bool,
  bytes,
  embedded,
  enumeration,
  int32,
  int64,
  map,
  message,
  type Read,
  repeated,
  string,
  uint32,
} from '#grpc';
import { fileOp } from './llb-files.ts';

export * from './llb-files.ts';

// Operations and graphs as clients bring them (`pb`): LLB.

export const input = message({
  digest: string(1),
  index: int64(2),
});
export type Input = Read<typeof input>;

export const proxyEnv = message({
  httpProxy: string(1),
  httpsProxy: string(2),
  ftpProxy: string(3),
  noProxy: string(4),
  allProxy: string(5),
});
export type ProxyEnv = Read<typeof proxyEnv>;

export const hostIp = message({
  host: string(1),
  ip: string(2),
});
export type HostIp = Read<typeof hostIp>;

export const ulimit = message({
  name: string(1),
  soft: int64(2),
  hard: int64(3),
});
export type Ulimit = Read<typeof ulimit>;

export const meta = message({
  args: repeated(string(1)),
  env: repeated(string(2)),
  cwd: string(3),
  user: string(4),
  proxyEnv: embedded(5, proxyEnv),
  extraHosts: repeated(embedded(6, hostIp)),
  hostname: string(7),
  ulimit: repeated(embedded(9, ulimit)),
  cgroupParent: string(10),
  removeMountStubsRecursive: bool(11),
  validExitCodes: repeated(int32(12)),
});

export const tmpfsOpt = message({
  size: int64(1),
});

export const cacheOpt = message({
  id: string(1),
  sharing: enumeration(2),
});

export const secretOpt = message({
  id: string(1),
  uid: uint32(2),
  gid: uint32(3),
  mode: uint32(4),
  optional: bool(5),
});
export type SecretOpt = Read<typeof secretOpt>;

export const sshOpt = message({
  id: string(1),
  uid: uint32(2),
  gid: uint32(3),
  mode: uint32(4),
  optional: bool(5),
});

export const mount = message({
  input: int64(1),
  selector: string(2),
  dest: string(3),
  output: int64(4),
  readonly: bool(5),
  mountType: enumeration(6),
  tmpfsOpt: embedded(19, tmpfsOpt),
  cacheOpt: embedded(20, cacheOpt),
  secretOpt: embedded(21, secretOpt),
  sshOpt: embedded(22, sshOpt),
  resultId: string(23),
  contentCache: enumeration(24),
});
export type Mount = Read<typeof mount>;

export const secretEnv = message({
  id: string(1),
  name: string(2),
  optional: bool(3),
});

export const cdiDevice = message({
  name: string(1),
  optional: bool(2),
});
export type CdiDevice = Read<typeof cdiDevice>;

export const execOp = message({
  meta: embedded(1, meta),
  mounts: repeated(embedded(2, mount)),
  network: enumeration(3),
  security: enumeration(4),
  secretenv: repeated(embedded(5, secretEnv)),
  cdiDevices: repeated(embedded(6, cdiDevice)),
});
export type ExecOp = Read<typeof execOp>;

export const sourceOp = message({
  identifier: string(1),
  attrs: map(2, string),
});

const buildInput = message({
  input: int64(1),
});

const exportCache = message({
  value: bool(1),
});

export const progressGroup = message({
  id: string(1),
  name: string(2),
  weak: bool(3),
});

export const opMetadata = message({
  ignoreCache: bool(1),
  description: map(2, string),
  exportCache: embedded(4, exportCache),
  caps: map(5, bool),
  progressGroup: embedded(6, progressGroup),
});

export const position = message({
  line: int32(1),
  character: int32(2),
});
export type Position = Read<typeof position>;

export const range = message({
  start: embedded(1, position),
  end: embedded(2, position),
});
export type Range = Read<typeof range>;

export const location = message({
  sourceIndex: int32(1),
  ranges: repeated(embedded(2, range)),
});
export type Location = Read<typeof location>;

export const locations = message({
  locations: repeated(embedded(1, location)),
});

export const sourceInfo = message({
  filename: string(1),
  data: bytes(2),
  definition: bytes(3),
  language: string(4),
});

export const source = message({
  locations: map(1, (n) => embedded(n, locations)),
  infos: repeated(embedded(2, sourceInfo)),
});
export type Source = Read<typeof source>;

export const definition = message({
  def: repeated(bytes(1)),
  metadata: map(2, (n) => embedded(n, opMetadata)),
  source: embedded(3, source),
});
export type Definition = Read<typeof definition>;

const buildOp = message({
  builder: int64(1),
  inputs: map(2, (n) => embedded(n, buildInput)),
  def: embedded(3, definition),
  attrs: map(4, string),
});

const mergeInput = message({
  input: int64(1),
});

const mergeOp = message({
  inputs: repeated(embedded(1, mergeInput)),
});
export type MergeOp = Read<typeof mergeOp>;

const lowerDiffInput = message({
  input: int64(1),
});

const upperDiffInput = message({
  input: int64(1),
});

const diffOp = message({
  lower: embedded(1, lowerDiffInput),
  upper: embedded(2, upperDiffInput),
});

export const platform = message({
  architecture: string(1),
  os: string(2),
  variant: string(3),
  osVersion: string(4),
  osFeatures: repeated(string(5)),
});
export type Platform = Read<typeof platform>;

export const workerConstraints = message({
  filter: repeated(string(1)),
});

export const op = message({
  inputs: repeated(embedded(1, input)),
  exec: embedded(2, execOp),
  source: embedded(3, sourceOp),
  file: embedded(4, fileOp),
  build: embedded(5, buildOp),
  merge: embedded(6, mergeOp),
  diff: embedded(7, diffOp),
  platform: embedded(10, platform),
  constraints: embedded(11, workerConstraints),
});
export type Op = Read<typeof op>;

export const mountTypes = { bind: 0, secret: 1, ssh: 2, cache: 3, tmpfs: 4 } as const;
