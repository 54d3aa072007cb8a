import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf, mediaTypes } from '#oci';
import { configFor, tar } from '../../src/images/fixture.ts';
import type { TestRegistry } from '../harness/index.ts';

/** What a client says the digest is, or all that it says. */
export const digestIn = (text: string): string => /digest: (sha256:[0-9a-f]{64})/i.exec(text)?.[1] ?? text;

/** What the registry gives as the digest of a tag or digest. */
export async function digestAt(registry: TestRegistry, repository: string, reference: string): Promise<string | null> {
  const accept = [mediaTypes.dockerManifest, mediaTypes.dockerIndex, mediaTypes.manifest, mediaTypes.index].join(', ');
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${reference}`, {
    method: 'HEAD',
    headers: { Accept: accept },
  });
  return answer.ok ? answer.headers.get('docker-content-digest') : null;
}

/** Puts a blob into the registry, as any client would. */
export async function putBlob(
  registry: TestRegistry,
  repository: string,
  content: Uint8Array,
): Promise<{ digest: string; size: number }> {
  const digest = digestOf(content);
  const begun = await fetch(`${registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = begun.headers.get('location') ?? '';
  const end = await fetch(`${location}&digest=${digest}`, { method: 'PUT', body: Buffer.from(content) });
  if (end.status !== 201) throw new Error(`upload: ${end.status} ${await end.text()}`);
  return { digest, size: content.length };
}

/** Puts a manifest or an index in, under its digest where no tag is given. */
export async function putManifest(
  registry: TestRegistry,
  repository: string,
  value: { mediaType: string; schemaVersion: number; [field: string]: unknown },
  tag?: string,
) {
  const content = JSON.stringify(value, undefined, 1);
  const digest = digestOf(content);
  const url = `${registry.url}/v2/${repository}/manifests/${tag ?? digest}`;
  const answer = await fetch(url, { method: 'PUT', body: content, headers: { 'Content-Type': value.mediaType } });
  if (answer.status !== 201) throw new Error(`manifest: ${answer.status} ${await answer.text()}`);
  return { mediaType: value.mediaType, digest, size: content.length };
}

type Kind = 'gzip' | 'zstd' | 'none' | 'docker';

/** An image of one layer that says `text`, as tools other than ours write it. */
export async function putImage(
  registry: TestRegistry,
  repository: string,
  text: string,
  kind: Kind,
  tag?: string,
  extra: object = {},
) {
  const plain = tar({ path: 'said', content: text });
  const packed = kind === 'none' ? plain : kind === 'zstd' ? zstdCompressSync(plain) : gzipSync(plain, { level: 9 });
  const isDocker = kind === 'docker';
  const layerType = isDocker
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : `${mediaTypes.layer}${kind === 'none' ? '' : `+${kind}`}`;
  const configType = isDocker ? 'application/vnd.docker.container.image.v1+json' : mediaTypes.config;
  const config = configFor([plain], extra);
  const manifest = {
    schemaVersion: 2,
    mediaType: isDocker ? mediaTypes.dockerManifest : mediaTypes.manifest,
    config: { mediaType: configType, ...(await putBlob(registry, repository, config)) },
    layers: [{ mediaType: layerType, ...(await putBlob(registry, repository, packed)) }],
  };
  return { ...(await putManifest(registry, repository, manifest, tag)), id: digestOf(config) };
}
