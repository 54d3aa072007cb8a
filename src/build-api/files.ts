import { bigint64, bytes, int64, map, message, type Read, string, uint32 } from '#grpc';

// What is known of a file (`fsutil.types`). The packets of a transfer are in `filesync`.

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
