import { filesync } from '#build-api';
import { failCall, type Implementation, implement, type MessageStream, type Metadata, type ServerCall } from '#grpc';
import { decodeHeader, headerNames } from './headers.ts';
import type { PacketStream } from './packet-stream.ts';
import { receiveDirectory } from './receive-directory.ts';
import { sendDirectory } from './sender.ts';

/** Where what a build gives goes. */
export type OutputPlace =
  | { readonly directory: string }
  /** Takes one file; `metadata` is what the exporter says of it. */
  | {
      readonly write: (content: AsyncIterable<Uint8Array>, metadata: Readonly<Record<string, string>>) => Promise<void>;
    };

function packetsOf(stream: MessageStream<Uint8Array, Uint8Array>): PacketStream {
  return { packets: stream.messages, send: (packet) => stream.send(packet), end: () => undefined };
}

/** Patterns are text, names of files are bytes: both as byte strings. */
function byteStrings(texts: readonly string[]): string[] {
  return texts.map((text) => Buffer.from(text, 'utf8').toString('latin1'));
}

/** Offers directories of this host to a build, by the names that it asks for: `context`, `dockerfile` and others. */
export function offerDirectories(
  directories: ReadonlyMap<string, string>,
  onTransfer?: (name: string, bytes: number) => void,
): Implementation {
  return implement(filesync.fileSyncService, {
    async DiffCopy(stream, { metadata, signal }) {
      const name = decodeHeader(metadata, headerNames.directory)[0] ?? '';
      const directory = directories.get(name);
      if (directory === undefined) throw failCall('not-found', `no access allowed to dir ${JSON.stringify(name)}`);
      const selection = {
        includePatterns: byteStrings(decodeHeader(metadata, headerNames.includes)),
        excludePatterns: byteStrings(decodeHeader(metadata, headerNames.excludes)),
        followPaths: byteStrings(decodeHeader(metadata, headerNames.follows)),
      };
      const told = onTransfer && { onTransfer: (bytes: number) => onTransfer(name, bytes) };
      await sendDirectory({ directory, ...selection, resetsOwner: true, signal, ...told }, packetsOf(stream));
    },
  });
}

function exporterMetadata(metadata: Metadata): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of metadata.keys()) {
    if (!name.startsWith(headerNames.exporterPrefix) || name.endsWith('-encoded')) continue;
    found[name.slice(headerNames.exporterPrefix.length)] = decodeHeader(metadata, name).join(',');
  }
  return found;
}

async function* contentOf(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) yield filesync.bytesMessage.decode(message).data;
}

/** Takes what a build gives: `place` says where the output of an exporter goes, by its id (empty from an old engine). */
export function offerOutputs(place: (id: string) => OutputPlace | undefined): Implementation {
  return implement(filesync.fileSendService, {
    async DiffCopy(stream: MessageStream<Uint8Array, Uint8Array>, { metadata, signal }: ServerCall) {
      const id = decodeHeader(metadata, headerNames.exporterId)[0] ?? '';
      const target = place(id);
      if (target === undefined) throw failCall('not-found', `exporter ${JSON.stringify(id)} not found`);
      if ('directory' in target) await receiveDirectory(target.directory, packetsOf(stream), signal);
      else await target.write(contentOf(stream.messages), exporterMetadata(metadata));
    },
  });
}
