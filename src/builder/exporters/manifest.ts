import { type Descriptor, digestOf, mediaTypes, type Platform, printPlatform } from '#oci';
import { goJson } from '#std/go-json';
import type { Annotations } from './attributes.ts';

/** A small blob that is made here: a configuration, a manifest, an index. */
export interface SmallBlob {
  readonly descriptor: Descriptor;
  readonly content: Uint8Array;
}

/** A layer as a manifest names it, by OCI's type. */
export interface ManifestLayer {
  readonly diffId: string;
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

const dockerConfigType = 'application/vnd.docker.container.image.v1+json';
const ociLayerType = /^application\/vnd\.oci\.image\.layer\.v1\.tar(?:\+(\w+))?$/;

/** Docker's name for a type of layers. */
export function layerType(mediaType: string, isOci: boolean): string {
  const compression = ociLayerType.exec(mediaType);
  if (isOci || compression === null) return mediaType;
  return `application/vnd.docker.image.rootfs.diff.tar${compression[1] === undefined ? '' : `.${compression[1]}`}`;
}

/** A blob with its descriptor, to which `more` is added. */
export function smallBlob(mediaType: string, content: Uint8Array, more: Partial<Descriptor> = {}): SmallBlob {
  return { descriptor: { mediaType, digest: digestOf(content), size: content.length, ...more }, content };
}

/** Indented by two, as BuildKit writes manifests. */
function indented(value: object): Buffer {
  return Buffer.from(goJson(value, 2));
}

const unlessEmpty = (annotations: Record<string, string>): { annotations?: Record<string, string> } =>
  Object.keys(annotations).length === 0 ? {} : { annotations: sortedKeys(annotations) };

function sortedKeys(value: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function platformOf({ os, architecture, variant }: Platform): Descriptor['platform'] & object {
  return { architecture, os, ...(variant !== undefined && variant !== '' && { variant }) };
}

/** The manifest of one platform, with its configuration. */
export function makeManifest(request: {
  readonly config: Uint8Array;
  readonly layers: readonly ManifestLayer[];
  readonly platform: Platform;
  readonly isOci: boolean;
  readonly annotations: Annotations;
}): { readonly config: SmallBlob; readonly manifest: SmallBlob } {
  const { layers, platform, isOci, annotations } = request;
  const config = smallBlob(isOci ? mediaTypes.config : dockerConfigType, request.config);
  const on = printPlatform(platform);
  const mediaType = isOci ? mediaTypes.manifest : mediaTypes.dockerManifest;
  const content = indented({
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: layers.map((layer) => ({
      mediaType: layerType(layer.mediaType, isOci),
      digest: layer.digest,
      size: layer.sizeBytes,
    })),
    ...unlessEmpty(annotations.manifest(on)),
  });
  const more = { ...unlessEmpty(annotations.manifestDescriptor(on)), platform: platformOf(platform) };
  return { config, manifest: smallBlob(mediaType, content, more) };
}

/** The index of several platforms. */
export function makeIndex(manifests: readonly SmallBlob[], isOci: boolean, annotations: Annotations): SmallBlob {
  const mediaType = isOci ? mediaTypes.index : mediaTypes.dockerIndex;
  const content = indented({
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(({ descriptor }) => descriptor),
    ...unlessEmpty(annotations.index),
  });
  return smallBlob(mediaType, content, unlessEmpty(annotations.indexDescriptor));
}
