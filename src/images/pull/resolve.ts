import type { FetchedManifest, Repository } from '#distribution';
import { digestOf, isIndexType, type Platform, parseIndex, printPlatform } from '#oci';
import { fail } from '#std/errors';
import { describeManifest, type IndexDescriptor, type NewManifest } from '../manifests.ts';
import { choosePlatform } from './platform-choice.ts';

/** How deep indexes may lie within each other. */
const nestingLimit = 4;
/** No image's configuration is larger. */
const configLimitBytes = 16 * 1024 * 1024;

const schema1Types = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** What a manifest is of: `artifactType` is there when that is no image. */
export interface ResolvedManifest extends NewManifest {
  /** What people know it by: of the index, where it was chosen from one. */
  readonly digest: string;
}

/** Throws what Docker says of manifests as they were before 2016. */
export function refuseSchema1(mediaType: string, name: string): void {
  if (!schema1Types.includes(mediaType)) return;
  throw fail(
    'invalid-argument',
    `Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. Suggest the author of ${name} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at https://docs.docker.com/go/deprecated-image-specs/`,
  );
}

/** Follows indexes down to the manifest that runs on `platform`. Throws in Docker's words. */
export async function resolveManifest(
  repository: Repository,
  fetched: FetchedManifest,
  platform: Platform,
  name: string,
): Promise<ResolvedManifest> {
  const indexes: IndexDescriptor[] = [];
  const contents: Uint8Array[] = [];
  let current = fetched;
  refuseSchema1(current.descriptor.mediaType, name);
  while (isIndexType(current.descriptor.mediaType)) {
    if (indexes.length >= nestingLimit) throw fail('invalid-argument', `indexes lie too deep in ${name}`);
    const { mediaType, digest, size } = current.descriptor;
    indexes.push({ mediaType, digest, size });
    contents.push(current.content);
    const chosen = choosePlatform(parseIndex(current.content).manifests, platform);
    if (chosen === undefined) {
      const shown = printPlatform(platform);
      throw fail('not-found', `no matching manifest for ${shown} in the manifest list entries`);
    }
    current = await repository.manifest(chosen.digest);
    refuseSchema1(current.descriptor.mediaType, name);
  }
  const { descriptor, content } = current;
  return {
    digest: fetched.descriptor.digest,
    contents: [content, ...contents],
    record: describeManifest(content, descriptor.mediaType, indexes),
  };
}

/** An image's configuration, which must be what its digest says. */
export async function fetchConfig(repository: Repository, { record }: ResolvedManifest): Promise<Buffer> {
  const { digest, size } = record.config;
  if (size > configLimitBytes) throw fail('internal', `the configuration of ${size} bytes is too large`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of repository.blob(record.config)) {
    bytes += chunk.length;
    if (bytes > size) throw fail('internal', `${digest}: more than its ${size} bytes came`);
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  if (digestOf(content) !== digest) {
    throw fail('internal', `image config verification failed for digest ${digest}`);
  }
  return content;
}
