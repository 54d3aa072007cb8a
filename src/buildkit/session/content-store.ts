import { content } from '#build-api';
import type { BlobToWrite, ContentStore } from '#builder';
import { type GrpcClientConnection, GrpcError, statusCodes } from '#grpc';

const nameHeader = 'buildkit-attachable-store-id';
const pieceBytes = 1024 * 1024;
const { writeActions } = content;

/** Blobs in a directory of a client's, by containerd's service. */
export class SessionContentStore implements ContentStore {
  readonly #connection: GrpcClientConnection;
  readonly #metadata: Readonly<Record<string, string>>;

  constructor(connection: GrpcClientConnection, name: string) {
    this.#connection = connection;
    this.#metadata = { [nameHeader]: name };
  }

  async sizeBytes(digest: string, signal: AbortSignal): Promise<number | undefined> {
    try {
      const { info } = await this.#client().Info({ digest }, { metadata: this.#metadata, signal });
      return info?.size;
    } catch (error) {
      if (error instanceof GrpcError && error.code === statusCodes['not-found']) return undefined;
      throw error;
    }
  }

  async *read(digest: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    for await (const { data } of this.#client().Read({ digest }, { metadata: this.#metadata, signal })) yield data;
  }

  async write({ digest, sizeBytes, content: bytes }: BlobToWrite, signal: AbortSignal): Promise<void> {
    const call = this.#client().Write({ metadata: this.#metadata, signal });
    const answers = call.messages[Symbol.asyncIterator]();
    try {
      const whole = { ref: `estiba-${digest}`, total: sizeBytes, expected: digest };
      await call.send({ action: writeActions.stat, ...whole });
      // What an earlier try left is written over.
      await answers.next();
      let offset = 0;
      for await (const chunk of bytes()) {
        for (let at = 0; at < chunk.byteLength; at += pieceBytes) {
          const data = chunk.subarray(at, at + pieceBytes);
          await call.send({ action: writeActions.write, ...whole, offset, data });
          offset += data.byteLength;
          await answers.next();
        }
      }
      await call.send({ action: writeActions.commit, ...whole, offset });
      await answers.next();
      call.end();
    } catch (error) {
      call.cancel();
      if (error instanceof GrpcError && error.code === statusCodes['already-exists']) return;
      throw error;
    }
  }

  #client() {
    return this.#connection.client(content.contentService);
  }
}
