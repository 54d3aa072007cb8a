import type { PackedLayer } from '#images';
import { type Descriptor, encodedOf, formatReference, mediaTypes, tarEnd, tarHeader, tarPadding } from '#oci';
import { allEnded } from '#std/all-ended';
import { fail } from '#std/errors';
import type { ContentStore } from '../session/session.ts';
import { type Attributes, booleanOf, loadName, namesOf, type TargetName } from './attributes.ts';
import { type ImageOptions, imageOptionsOf, imageResponse, type PackedImage, packImage } from './packed-image.ts';
import type { Export, Exporter } from './parts.ts';
import { firstSession, unlessAborted } from './sessions.ts';

type Variant = 'docker' | 'oci';
type Image = PackedImage<PackedLayer>;

/** A file of the archive, or a blob of the store. */
interface Piece {
  readonly digest: string;
  readonly sizeBytes: number;
  read(): AsyncIterable<Uint8Array>;
}

const layoutFile = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const blobPath = (digest: string): string => `blobs/sha256/${encodedOf(digest)}`;

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.length > 0) yield content;
}

/** All blobs of an image, each once. */
function piecesOf({ platforms, root }: Image): Piece[] {
  const small = [root, ...platforms.flatMap(({ config, manifest }) => [config, manifest])];
  const pieces: Piece[] = [
    ...small.map(({ descriptor, content }) => ({
      digest: descriptor.digest,
      sizeBytes: content.length,
      read: () => only(content),
    })),
    ...platforms.flatMap(({ layers }) => layers),
  ];
  return [...new Map(pieces.map((piece) => [piece.digest, piece])).values()];
}

/** What the layout's index names: the image once for each of its names. */
function indexOf(descriptor: Descriptor, names: readonly TargetName[]): object {
  const named = names.map(({ reference }) => ({
    ...descriptor,
    annotations: {
      ...descriptor.annotations,
      'io.containerd.image.name': formatReference(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    },
  }));
  return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: named.length === 0 ? [descriptor] : named };
}

async function* writeArchive(
  image: Image,
  root: Descriptor,
  names: readonly TargetName[],
  variant: Variant,
): AsyncGenerator<Uint8Array> {
  yield tarHeader({ path: 'blobs/', sizeBytes: 0, type: 'directory', mode: 0o755 });
  yield tarHeader({ path: 'blobs/sha256/', sizeBytes: 0, type: 'directory', mode: 0o755 });
  const pieces = piecesOf(image).sort((one, other) => (one.digest < other.digest ? -1 : 1));
  for (const { digest, sizeBytes, read } of pieces) {
    yield tarHeader({ path: blobPath(digest), sizeBytes, mode: 0o444 });
    yield* read();
    yield tarPadding(sizeBytes);
  }
  const files: [path: string, content: Uint8Array][] = [['index.json', json(indexOf(root, names))]];
  const [only] = image.platforms;
  if (variant === 'docker' && only !== undefined) {
    const tags = names.map(loadName);
    const archived = {
      Config: blobPath(only.config.descriptor.digest),
      RepoTags: tags.length === 0 ? null : tags,
      Layers: only.layers.map(({ digest }) => blobPath(digest)),
    };
    files.push(['manifest.json', json([archived])]);
  }
  files.push(['oci-layout', layoutFile]);
  for (const [path, content] of files) {
    yield tarHeader({ path, sizeBytes: content.length, mode: 0o444 });
    yield content;
    yield tarPadding(content.length);
  }
  yield tarEnd;
}

async function writeStore(store: ContentStore, image: Image, signal: AbortSignal): Promise<void> {
  // What names others comes last.
  for (const { digest, sizeBytes, read } of piecesOf(image).reverse()) {
    await store.write({ digest, sizeBytes, content: read }, signal);
  }
}

async function send(
  request: Export,
  image: Image,
  options: ImageOptions,
  variant: Variant,
): Promise<Record<string, string>> {
  const { vertex, context, id } = request;
  const session = firstSession(context);
  const { name = '' } = options.attributes;
  const names = namesOf(name);
  const response = imageResponse(image, options, names.map(({ reference }) => formatReference(reference)).join(','));
  const root = JSON.parse(Buffer.from(response['containerimage.descriptor'] ?? '', 'base64').toString()) as Descriptor;
  if (booleanOf(options.attributes, 'tar') === false) {
    await vertex.step('copying files', () => writeStore(session.contentStore('export'), image, context.signal));
  } else {
    await vertex.step('sending tarball', () =>
      session.sendFile(id, response, unlessAborted(writeArchive(image, root, names, variant), context.signal)),
    );
  }
  return response;
}

/** `docker` and `oci`: an image as a tar, or as a directory of the client's (`tar=false`). */
export function openArchiveExporter(variant: Variant, attributes: Attributes): Exporter {
  const options = imageOptionsOf(attributes);
  booleanOf(attributes, 'tar');
  namesOf(attributes.name ?? '');
  return {
    name: `exporting to ${variant} image format`,
    async run(request) {
      const { outputs, result, parts, context } = request;
      if (variant === 'docker' && (result.isMultiPlatform || outputs.length > 1)) {
        throw fail('invalid-argument', 'docker exporter does not currently support exporting manifest lists');
      }
      const packed: PackedLayer[] = [];
      try {
        const image = await packImage(request, options, { isOci: variant === 'oci' }, async (output, packings) => {
          const layers = await allEnded(
            output.chain.map(async (chainId, index) => {
              const layer = await parts.builds.pack(chainId, packings[index] ?? options.packing, context.signal);
              packed.push(layer);
              return layer;
            }),
          );
          return layers;
        });
        return await send(request, image, options, variant);
      } finally {
        for (const layer of packed) await layer.discard();
      }
    },
  };
}
