import { filesync } from '#build-api';
import type { ClientStream, GrpcClientConnection } from '#grpc';
import { encodeHeaders, headerNames } from './headers.ts';
import type { PacketStream } from './packet-stream.ts';
import { type SendOptions, sendDirectory } from './sender.ts';

/** Which files of a client are asked for; patterns as in .dockerignore. */
export interface FilesRequest {
  readonly name: string;
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  readonly followPaths: readonly string[];
}

function packetsOf(stream: ClientStream<Uint8Array, Uint8Array>): PacketStream {
  return { packets: stream.messages, send: (packet) => stream.send(packet), end: () => stream.end() };
}

/** Asks a client for a directory: what comes back is for `FileReceivers.receive`. */
export function askForFiles(
  connection: GrpcClientConnection,
  request: FilesRequest,
  signal: AbortSignal,
): PacketStream {
  const metadata = encodeHeaders({
    [headerNames.directory]: [request.name],
    [headerNames.includes]: request.includePatterns,
    [headerNames.excludes]: request.excludePatterns,
    [headerNames.follows]: request.followPaths,
  });
  return packetsOf(connection.client(filesync.fileSyncService).DiffCopy({ metadata, signal }));
}

function outputHeaders(id: string, metadata: Readonly<Record<string, string>>): Record<string, readonly string[]> {
  const entries = Object.entries(metadata).map(([key, value]) => [headerNames.exporterPrefix + key, [value]] as const);
  return encodeHeaders({ ...Object.fromEntries(entries), [headerNames.exporterId]: id === '' ? [] : [id] });
}

/** Which output of a client takes files, and what it is told of them. */
export interface OutputTarget {
  readonly connection: GrpcClientConnection;
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Sends a directory's contents to an output of a client. Throws `unavailable` when the client is gone, or what it says. */
export async function sendDirectoryTo(
  { connection, id, metadata }: OutputTarget,
  options: Pick<SendOptions, 'directory' | 'below' | 'modifiedNs' | 'onTransfer' | 'signal'>,
): Promise<void> {
  const call = { metadata: outputHeaders(id, metadata), signal: options.signal };
  const stream = connection.client(filesync.fileSendService).DiffCopy(call);
  const all = { includePatterns: [], excludePatterns: [], followPaths: [], resetsOwner: false };
  await sendDirectory({ ...all, ...options }, packetsOf(stream));
  // The client's word that all is well, or why it is not.
  for await (const _ of stream.messages) break;
}

/** Well below what gRPC's receivers take by default. */
const pieceBytes = 512 * 1024;

/** Sends one file to an output of a client. Throws as `sendDirectoryTo`. */
export async function sendFileTo(
  { connection, id, metadata }: OutputTarget,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const call = { metadata: outputHeaders(id, metadata), signal };
  const stream = connection.client(filesync.fileSendService).DiffCopy(call);
  try {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        await stream.send(filesync.bytesMessage.encode({ data: chunk.subarray(at, at + pieceBytes) }));
      }
    }
  } catch (error) {
    stream.cancel();
    throw error;
  }
  stream.end();
  for await (const _ of stream.messages);
}
