import { Duplex } from 'node:stream';
import { fail, messageOf } from '#std/errors';
import type { Connection } from './connection.ts';

const asError = (error: unknown): Error => (error instanceof Error ? error : fail('unavailable', messageOf(error)));

/** A connection as a stream of Node's, for what speaks another protocol over it. */
export function duplexOf(connection: Connection): Duplex {
  let isReading = false;
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      if (isReading) return;
      isReading = true;
      connection.read().then(
        (bytes) => {
          isReading = false;
          this.push(bytes === undefined ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        },
        (error: unknown) => this.destroy(asError(error)),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      connection.write(chunk).then(
        () => done(),
        (error: unknown) => done(asError(error)),
      );
    },
    final(done) {
      connection.closeWrite();
      done();
    },
    destroy(error, done) {
      connection.close();
      done(error);
    },
  });
  return duplex;
}
