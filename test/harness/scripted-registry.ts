import { createHash } from 'node:crypto';
import {
  type ScriptedAnswer,
  type ScriptedRequest,
  type ScriptedServer,
  startScriptedServer,
} from './scripted-server.ts';

/** What the registry has, and how it lies. */
export interface ScriptedRegistryOptions {
  /** Asked first; undefined leaves the answer to what is there. */
  readonly script?: (request: ScriptedRequest) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
}

export interface ScriptedRegistry extends ScriptedServer {
  /** Puts a blob in, for every repository; returns its digest. */
  addBlob(content: string | Uint8Array): string;
  /** Puts a manifest in, for every repository, by its digest and, where one is given, a tag; returns the digest. */
  addManifest(content: string | object, mediaType: string, tag?: string): string;
}

function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** An answer in the distribution specification's form of errors. */
export function errorAnswer(status: number, code: string, message: string): ScriptedAnswer {
  const body = JSON.stringify({ errors: [{ code, message }] });
  return { status, headers: { 'Content-Type': 'application/json' }, body };
}

function blobAnswer(content: Uint8Array | undefined, digest: string, range: string | null): ScriptedAnswer {
  if (content === undefined) return errorAnswer(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  const headers = { 'Content-Type': 'application/octet-stream', 'Docker-Content-Digest': digest };
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) return { headers, body: content };
  const given = `bytes ${start}-${content.length - 1}/${content.length}`;
  return { status: 206, headers: { ...headers, 'Content-Range': given }, body: content.subarray(start) };
}

/**
 * A registry in this process, without rights, from which can be pulled; `script` may answer anything else in its place: a
 * wrong digest, a short body, an error, a redirect, a challenge.
 */
export async function startScriptedRegistry(options: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, { readonly mediaType: string; readonly content: string }>();

  function truth({ path, headers }: ScriptedRequest): ScriptedAnswer {
    if (path === '/v2/') return { headers: { 'Content-Type': 'application/json' }, body: '{}' };
    const [, name, kind, reference = ''] = /^\/v2\/(.+)\/(blobs|manifests)\/([^/]+)$/.exec(path) ?? [];
    if (kind === 'blobs') return blobAnswer(blobs.get(reference), reference, headers.get('range'));
    const manifest = manifests.get(reference);
    if (kind !== 'manifests' || manifest === undefined) {
      return errorAnswer(404, 'MANIFEST_UNKNOWN', `manifest unknown${name === undefined ? '' : ` in ${name}`}`);
    }
    const { mediaType, content } = manifest;
    return { headers: { 'Content-Type': mediaType, 'Docker-Content-Digest': digestOf(content) }, body: content };
  }

  const server = await startScriptedServer(
    async (request) => (await options.script?.(request)) ?? truth(request),
    options.tls === undefined ? {} : { tls: options.tls },
  );
  return {
    ...server,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    addBlob(content) {
      const digest = digestOf(content);
      blobs.set(digest, new Uint8Array(Buffer.from(content)));
      return digest;
    },
    addManifest(value, mediaType, tag) {
      const content = typeof value === 'string' ? value : JSON.stringify(value);
      const digest = digestOf(content);
      for (const name of tag === undefined ? [digest] : [digest, tag]) manifests.set(name, { mediaType, content });
      return digest;
    },
  };
}
