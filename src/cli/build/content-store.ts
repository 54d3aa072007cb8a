import { content } from '#build-api';
import { failCall, type Implementation, implement, type MessageStream } from '#grpc';
import { isDigest } from '#oci';
import { fileSystem } from '../builtins.ts';

const pieceBytes = 1024 * 1024;
const storeHeader = 'buildkit-attachable-store-id';

/** Blobs of an OCI image layout (image specification, "Image Layout"): `blobs/sha256/…` below a directory. */
class LayoutBlobs {
  constructor(readonly directory: string) {}

  path(digest: string): string {
    if (!isDigest(digest)) throw failCall('invalid-argument', `invalid digest ${digest}`);
    return `${this.directory}/blobs/${digest.replace(':', '/')}`;
  }

  sizeBytes(digest: string): number {
    const stat = fileSystem().statSync(this.path(digest), { throwIfNoEntry: false });
    if (stat === undefined) throw failCall('not-found', `content ${digest}: not found`);
    return stat.size;
  }

  async *read(digest: string, offset: number, size: number): AsyncGenerator<{ offset: number; data: Uint8Array }> {
    const end = size > 0 ? Math.min(offset + size, this.sizeBytes(digest)) : this.sizeBytes(digest);
    const file = Bun.file(this.path(digest));
    for (let at = offset; at < end; at += pieceBytes) {
      yield { offset: at, data: await file.slice(at, Math.min(at + pieceBytes, end)).bytes() };
    }
  }

  /** Takes one blob in; it gets its name when all of it is there and is what its digest says. */
  async write(stream: MessageStream<content.WriteContentRequest, Written>): Promise<void> {
    const files = fileSystem();
    files.mkdirSync(`${this.directory}/blobs/sha256`, { recursive: true });
    const unfinished = `${this.directory}/blobs/.incoming-${crypto.randomUUID()}`;
    const hasher = new Bun.CryptoHasher('sha256');
    const file = files.openSync(unfinished, 'wx', 0o644);
    let offset = 0;
    try {
      for await (const { action, data, expected, total } of stream.messages) {
        if (data.length > 0) {
          for (let rest = data; rest.length > 0; ) rest = rest.subarray(files.writeSync(file, rest));
          hasher.update(data);
          offset += data.length;
        }
        if (action !== content.writeActions.commit) {
          await stream.send({ action, offset, total });
          continue;
        }
        const digest = `sha256:${hasher.digest('hex')}`;
        if (expected !== '' && expected !== digest) {
          throw failCall('failed-precondition', `unexpected commit digest ${digest}, expected ${expected}`);
        }
        files.fsyncSync(file);
        files.renameSync(unfinished, this.path(digest));
        await stream.send({ action, offset, total, digest });
        return;
      }
    } finally {
      files.closeSync(file);
      files.rmSync(unfinished, { force: true });
    }
  }
}

type Written = Parameters<typeof content.writeContentResponse.encode>[0];

/** Offers directories of ours as stores of blobs, by the names under which the engine asks (`local:DIRECTORY`, `export`). */
export function offerContent(stores: ReadonlyMap<string, string>): Implementation {
  const storeOf = (metadata: ReadonlyMap<string, readonly string[]>): LayoutBlobs => {
    const name = metadata.get(storeHeader)?.[0] ?? '';
    const directory = stores.get(name);
    if (directory === undefined) throw failCall('not-found', `there is no content store ${name}`);
    return new LayoutBlobs(directory);
  };
  return implement(content.contentService, {
    Info: ({ digest }, { metadata }) => ({ info: { digest, size: storeOf(metadata).sizeBytes(digest) } }),
    Read: ({ digest, offset, size }, { metadata }) => storeOf(metadata).read(digest, offset, size),
    Write: (stream, { metadata }) => storeOf(metadata).write(stream),
    Abort: () => ({}),
    Status: ({ ref }) => {
      throw failCall('not-found', `ref ${ref} not found`);
    },
  });
}

interface IndexFile {
  schemaVersion: number;
  manifests?: { digest?: string; annotations?: Record<string, string> }[];
}

function readIndex(directory: string): IndexFile {
  try {
    return JSON.parse(fileSystem().readFileSync(`${directory}/index.json`, 'utf8')) as IndexFile;
  } catch {
    return { schemaVersion: 2 };
  }
}

const tagAnnotation = 'org.opencontainers.image.ref.name';

/** The digest of what a layout has under a tag; undefined when it has nothing. */
export function taggedDigest(directory: string, tag: string): string | undefined {
  const { manifests = [] } = readIndex(directory);
  const named = manifests.find(({ annotations }) => annotations?.[tagAnnotation] === tag);
  return (named ?? (manifests.length === 1 ? manifests[0] : undefined))?.digest;
}

/** Names a manifest in a layout, and makes the layout one where it is not yet. */
export function tagManifest(directory: string, tag: string, descriptor: Readonly<Record<string, unknown>>): void {
  const files = fileSystem();
  const index = readIndex(directory);
  const others = (index.manifests ?? []).filter(({ annotations }) => annotations?.[tagAnnotation] !== tag);
  const annotations = { ...(descriptor.annotations as Record<string, string> | undefined), [tagAnnotation]: tag };
  const manifests = [...others, { ...descriptor, annotations }];
  files.writeFileSync(`${directory}/oci-layout`, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const unfinished = `${directory}/index.json.${process.pid}`;
  files.writeFileSync(unfinished, JSON.stringify({ ...index, schemaVersion: 2, manifests }));
  files.renameSync(unfinished, `${directory}/index.json`);
}
