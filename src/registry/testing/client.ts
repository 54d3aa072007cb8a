import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mediaTypes } from '#oci';
import { type Algorithm, contentDigest } from '../names.ts';
import { type Registry, serveRegistry } from '../serve.ts';
import type { RegistryOptions } from '../types.ts';

/** The bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

/** The digest of bytes or a text. */
export function digest(content: Uint8Array | string, algorithm: Algorithm = 'sha256'): string {
  return contentDigest(typeof content === 'string' ? bytes(content) : content, algorithm);
}

/** A descriptor of a blob or manifest. */
export function describe(content: Uint8Array | string, mediaType = 'application/octet-stream') {
  const size = typeof content === 'string' ? bytes(content).length : content.length;
  return { mediaType, digest: digest(content), size };
}

/** An image manifest of a config and layers, as text. */
export function imageManifest(config: string, layers: readonly (string | Uint8Array)[], more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: describe(config, mediaTypes.config),
    layers: layers.map((layer) => describe(layer, mediaTypes.layer)),
    ...more,
  });
}

/** An index of manifests, as text. */
export function imageIndex(manifests: readonly string[]): string {
  const list = manifests.map((manifest) => describe(manifest, mediaTypes.manifest));
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: list });
}

/** A client of a registry, which knows the protocol and nothing of its insides. */
export class TestClient {
  /** `init` goes with every request: TLS, headers. */
  constructor(
    readonly url: string,
    readonly init: { readonly headers?: Readonly<Record<string, string>>; readonly tls?: Bun.TLSOptions } = {},
  ) {}

  /** A request to a path below `/v2/`, or to a Location. */
  send(
    method: string,
    path: string,
    body?: Uint8Array | string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const url = path.startsWith('/') ? this.url + path : `${this.url}/v2/${path}`;
    const all = { ...this.init, method, headers: { ...this.init.headers, ...headers } };
    return fetch(url, { ...all, ...(body === undefined ? {} : { body: body as Bun.BodyInit }) });
  }

  /** Below the registry's own URL; other registries give it in full. */
  #locationOf(answer: Response): string {
    const { pathname, search } = new URL(answer.headers.get('Location') ?? '', this.url);
    return pathname + search;
  }

  /** Begins an upload; gives its Location. */
  async startUpload(repository: string): Promise<string> {
    const answer = await this.send('POST', `${repository}/blobs/uploads/`);
    if (answer.status !== 202) throw new Error(`upload not started: ${answer.status} ${await answer.text()}`);
    return this.#locationOf(answer);
  }

  /** Pushes a blob as clients do; gives its digest. */
  async pushBlob(repository: string, content: Uint8Array | string, algorithm: Algorithm = 'sha256'): Promise<string> {
    const name = digest(content, algorithm);
    const location = await this.startUpload(repository);
    const next = this.#locationOf(await this.send('PATCH', location, content));
    const answer = await this.send('PUT', `${next}${next.includes('?') ? '&' : '?'}digest=${name}`);
    if (answer.status !== 201) throw new Error(`blob not pushed: ${answer.status} ${await answer.text()}`);
    return name;
  }

  putManifest(repository: string, reference: string, content: string, type: string = mediaTypes.manifest) {
    return this.send('PUT', `${repository}/manifests/${reference}`, content, { 'Content-Type': type });
  }

  /** Pushes an image of one layer with all that it names; gives the digest of its manifest. */
  async pushImage(repository: string, tag: string | undefined, layer: Uint8Array | string, more: object = {}) {
    const config = JSON.stringify({ made: tag ?? 'untagged' });
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, layer);
    const manifest = imageManifest(config, [layer], more);
    const answer = await this.putManifest(repository, tag ?? digest(manifest), manifest);
    if (answer.status !== 201) throw new Error(`manifest not pushed: ${answer.status} ${await answer.text()}`);
    return digest(manifest);
  }
}

/** A registry in this process and a temporary directory. */
export interface TestRegistry extends AsyncDisposable {
  readonly root: string;
  readonly client: TestClient;
  readonly registry: Registry;
}

/** Starts one on a free port. */
export function startTestRegistry(options: Partial<RegistryOptions> = {}): TestRegistry {
  const root = mkdtempSync(join(tmpdir(), 'estiba-registry-'));
  const registry = serveRegistry({ listen: '127.0.0.1:0', root, ...options });
  return {
    root,
    registry,
    client: new TestClient(registry.url),
    async [Symbol.asyncDispose]() {
      await registry.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
