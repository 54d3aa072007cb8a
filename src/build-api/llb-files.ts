import {
  bigint64,
  bool,
  bytes,
  embedded,
  int32,
  int64,
  message,
  optional,
  type Read,
  repeated,
  string,
  uint32,
} from '#grpc';

// Changes of files in a graph (`pb.FileOp`).

const namedUserOpt = message({
  name: string(1),
  input: int64(2),
});

const userOpt = message({
  byName: embedded(1, namedUserOpt),
  byId: optional(uint32(2)),
});
export type UserOpt = Read<typeof userOpt>;

const chownOpt = message({
  user: embedded(1, userOpt),
  group: embedded(2, userOpt),
});
export type ChownOpt = Read<typeof chownOpt>;

const fileActionCopy = message({
  src: string(1),
  dest: string(2),
  owner: embedded(3, chownOpt),
  mode: int32(4),
  followSymlink: bool(5),
  dirCopyContents: bool(6),
  attemptUnpackDockerCompatibility: bool(7),
  createDestPath: bool(8),
  allowWildcard: bool(9),
  allowEmptyWildcard: bool(10),
  timestamp: bigint64(11),
  includePatterns: repeated(string(12)),
  excludePatterns: repeated(string(13)),
  alwaysReplaceExistingDestPaths: bool(14),
  modeStr: string(15),
});
export type FileActionCopy = Read<typeof fileActionCopy>;

const fileActionMkFile = message({
  path: string(1),
  mode: int32(2),
  data: bytes(3),
  owner: embedded(4, chownOpt),
  timestamp: bigint64(5),
});
export type FileActionMkFile = Read<typeof fileActionMkFile>;

const fileActionMkDir = message({
  path: string(1),
  mode: int32(2),
  makeParents: bool(3),
  owner: embedded(4, chownOpt),
  timestamp: bigint64(5),
});
export type FileActionMkDir = Read<typeof fileActionMkDir>;

const fileActionRm = message({
  path: string(1),
  allowNotFound: bool(2),
  allowWildcard: bool(3),
});
export type FileActionRm = Read<typeof fileActionRm>;

const fileActionSymlink = message({
  oldpath: string(1),
  newpath: string(2),
  owner: embedded(3, chownOpt),
  timestamp: bigint64(4),
});
export type FileActionSymlink = Read<typeof fileActionSymlink>;

export const fileAction = message({
  input: int64(1),
  secondaryInput: int64(2),
  output: int64(3),
  copy: embedded(4, fileActionCopy),
  mkfile: embedded(5, fileActionMkFile),
  mkdir: embedded(6, fileActionMkDir),
  rm: embedded(7, fileActionRm),
  symlink: embedded(8, fileActionSymlink),
});
export type FileAction = Read<typeof fileAction>;

export const fileOp = message({
  actions: repeated(embedded(2, fileAction)),
});
export type FileOp = Read<typeof fileOp>;
