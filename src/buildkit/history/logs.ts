import { control } from '#build-api';
import type { Written } from '#grpc';
import type { ProgressBatch } from '../control/build-progress.ts';
import { statusMessages } from '../control/status-message.ts';

/** As BuildKit calls it. */
export const logsType = 'application/vnd.buildkit.status.v0';
const lengthBytes = 4;
/** So much of a build is kept. */
const keptBytes = 16 * 1024 * 1024;

/** All that a build has told, as BuildKit keeps it: messages, each after its length (32 bits, little-endian). */
export function packLogs(batch: ProgressBatch): Uint8Array {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const message of statusMessages(batch)) {
    const body = control.statusResponse.encode(message);
    if (total + body.length > keptBytes) break;
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32LE(body.length);
    parts.push(length, body);
    total += body.length;
  }
  return Buffer.concat(parts);
}

/** The inverse of `packLogs`; stops at what is cut off. */
export function* unpackLogs(packed: Uint8Array): Generator<Written<typeof control.statusResponse>> {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at + lengthBytes <= view.length; ) {
    const end = at + lengthBytes + view.readUInt32LE(at);
    if (end > view.length) return;
    yield control.statusResponse.decode(view.subarray(at + lengthBytes, end));
    at = end;
  }
}
