import { bigint64, bytes, embedded, enumeration, int64, map, message, type Read, string, uint32 } from '#grpc';

// Files and directories on their way (`fsutil.types`).

export const stat = message({
  path: string(1),
  mode: uint32(2),
  uid: uint32(3),
  gid: uint32(4),
  size: int64(5),
  modTime: bigint64(6),
  linkname: string(7),
  devmajor: int64(8),
  devminor: int64(9),
  xattrs: map(10, bytes),
});
export type Stat = Read<typeof stat>;

export const packet = message({
  type: enumeration(1),
  stat: embedded(2, stat),
  id: uint32(3),
  data: bytes(4),
});
export type Packet = Read<typeof packet>;

export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;
