import { bytes, embedded, int32, repeated, string } from './fields.ts';
import { message, type Read } from './message.ts';

/** A message of any kind, under the name of its kind (`google.protobuf.Any`). */
export const any = message({ typeUrl: string(1), value: bytes(2) });
export type Any = Read<typeof any>;

/** What a call ended in (`google.rpc.Status`): travels as `grpc-status-details-bin`. */
export const status = message({
  code: int32(1),
  message: string(2),
  details: repeated(embedded(3, any)),
});
export type Status = Read<typeof status>;
