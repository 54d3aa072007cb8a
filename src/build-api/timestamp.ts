import { int32, int64, message, type Read } from '#grpc';

/** A moment (`google.protobuf.Timestamp`). */
export const timestamp = message({ seconds: int64(1), nanos: int32(2) });
export type Timestamp = Read<typeof timestamp>;

export const empty = message({});

const nanosDigits = 9;

/** A moment as RFC 3339 text with nanoseconds has it; undefined for what is no moment. */
export function toTimestamp(text: string | undefined): Timestamp | undefined {
  const parts = text === undefined ? null : /^(.*:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (parts === null) return undefined;
  const milliseconds = Date.parse(`${parts[1]}${parts[3]}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return {
    seconds: milliseconds / 1000,
    nanos: Number((parts[2] ?? '').slice(0, nanosDigits).padEnd(nanosDigits, '0')),
  };
}
