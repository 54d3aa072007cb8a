import { embedded, int32, int64, map, message, type Read, repeated, string } from '#grpc';
import { op, range, sourceInfo } from './llb.ts';

// Details of errors: where a build failed (`errdefs`, `stack`).

export const frame = message({
  name: string(1),
  file: string(2),
  line: int32(3),
});
export type Frame = Read<typeof frame>;

export const stack = message({
  frames: repeated(embedded(1, frame)),
  cmdline: repeated(string(2)),
  pid: int32(3),
  version: string(4),
  revision: string(5),
});

export const vertex = message({
  digest: string(1),
});
export type Vertex = Read<typeof vertex>;

export const source = message({
  info: embedded(1, sourceInfo),
  ranges: repeated(embedded(2, range)),
});
export type Source = Read<typeof source>;

export const frontend = message({
  name: string(1),
  source: string(2),
});
export type Frontend = Read<typeof frontend>;

export const subrequest = message({
  name: string(1),
});

export const fileAction = message({
  index: int64(1),
});
export type FileAction = Read<typeof fileAction>;

export const contentCache = message({
  index: int64(1),
});

export const solve = message({
  inputIds: repeated(string(1)),
  mountIds: repeated(string(2)),
  op: embedded(3, op),
  file: embedded(4, fileAction),
  cache: embedded(5, contentCache),
  description: map(6, string),
});
export type Solve = Read<typeof solve>;
