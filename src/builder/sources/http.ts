import { createWriteStream } from 'node:fs';
import { chmod, chown, mkdir, open, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { unreachable } from '#distribution';
import { Digester } from '#oci';
import { fail } from '#std/errors';
import type { Records } from '#store';
import { canonicalDigest } from '../graph/canonical.ts';
import type { SourceOperation } from '../graph/operation.ts';
import type { StepRun } from '../solver/types.ts';
import { type HeldTree, KeptTrees } from './kept-trees.ts';
import type { PinnedSource, SourceKind } from './types.ts';

/** Files of the web as sources (`http://…`, `https://…`). */
export interface HttpSource extends SourceKind {
  readonly shelves: readonly KeptTrees<unknown>[];
  reconcile(): Promise<void>;
}

interface Fetched {
  readonly digest: string;
  readonly fileName: string;
  readonly etag?: string;
  /** As the server says it. */
  readonly lastModified?: string;
}

interface HttpWish {
  readonly url: string;
  readonly fileName: string;
  readonly checksum: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function wishOf({ identifier, attributes }: SourceOperation): HttpWish {
  const number = (name: string, base: number, usual: number): number => {
    const text = attributes[name];
    return text === undefined || text === '' ? usual : Number.parseInt(text, base);
  };
  return {
    url: identifier,
    fileName: basename(attributes['http.filename'] ?? ''),
    checksum: attributes['http.checksum'] ?? '',
    mode: number('http.perm', 8, 0o600),
    uid: number('http.uid', 10, 0),
    gid: number('http.gid', 10, 0),
  };
}

/** What the server calls it, or the end of the address. */
function fileNameOf(response: Response, { url, fileName }: HttpWish): string {
  if (fileName !== '') return fileName;
  const [, quoted, bare] =
    /filename\*?=(?:"([^"]+)"|([^;\s]+))/i.exec(response.headers.get('content-disposition') ?? '') ?? [];
  const said = basename(quoted ?? bare ?? '');
  const last = basename(decodeURIComponent(new URL(url).pathname));
  const found = said || last;
  return found === '' || found === '/' || found === '.' || found === '..' ? 'download' : found;
}

async function authorizationOf({ attributes }: SourceOperation, run: StepRun): Promise<Record<string, string>> {
  const name = attributes['http.authheadersecret'];
  if (name === undefined || name === '') return {};
  for (const session of run.context.sessions) {
    const secret = await session.secret(name, run.signal);
    if (secret !== undefined) return { Authorization: Buffer.from(secret).toString().trim() };
  }
  return {};
}

async function ask(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers: { 'User-Agent': 'estiba-build', ...headers }, signal });
  } catch (error) {
    if (signal.aborted) throw fail('cancelled', 'context canceled', error);
    throw await unreachable('GET', url, error);
  }
}

/** The host of what a client itself has: a context that it was given by a pipe. */
const uploadHost = 'buildkit-session';

function uploaded({ pathname }: URL, { context, signal }: StepRun): Response {
  const session = context.sessions.find(({ upload }) => upload !== undefined);
  const content = session?.upload?.(pathname, signal);
  if (content === undefined) throw fail('unavailable', 'no client that uploads a context is there');
  const iterator = content[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(body);
}

/** Writes what comes to the disk, and says what it was. */
async function download(response: Response, directory: string, wish: HttpWish, run: StepRun): Promise<Fetched> {
  const fileName = fileNameOf(response, wish);
  const path = join(directory, fileName);
  const digester = new Digester();
  const total = Number(response.headers.get('content-length') ?? 0) || 0;
  const id = wish.url;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of response.body ?? []) {
      digester.update(chunk);
      run.onStatus({ id, current: digester.sizeBytes, total });
      yield chunk;
    }
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await pipeline(counted, createWriteStream(path, { mode: 0o600 }), { signal: run.signal });
  run.onStatus({ id, current: digester.sizeBytes, total: digester.sizeBytes, isDone: true });
  const lastModified = response.headers.get('last-modified') ?? undefined;
  const modified = Date.parse(lastModified ?? '') || 0;
  await chown(path, wish.uid, wish.gid);
  await chmod(path, wish.mode);
  await utimes(path, modified / 1000, modified / 1000);
  const file = await open(path, 'r');
  await file.datasync().finally(() => file.close());
  const etag = response.headers.get('etag') ?? undefined;
  return {
    digest: digester.finish(),
    fileName,
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

/** Opens the files that are kept below the data root. */
export function openHttpSource({ records, dataRoot }: { records: Records; dataRoot: string }): HttpSource {
  const directory = join(dataRoot, 'build', 'http');
  const files = new KeptTrees<Fetched>('regular', { records, directory, collection: 'build-http' });

  /** The file as it is there now: fetched only when it changed. */
  async function current(operation: SourceOperation, wish: HttpWish, run: StepRun): Promise<HeldTree<Fetched>> {
    const key = canonicalDigest({ ...wish, checksum: '' });
    return files.alone(key, async () => {
      const known = files.hold(key);
      const url = new URL(wish.url);
      const isUpload = url.hostname === uploadHost;
      // It comes once, under a name of its own.
      if (isUpload && known !== undefined) return known;
      try {
        const etag = known?.tree.facts.etag;
        const headers = {
          ...(await authorizationOf(operation, run)),
          ...(etag !== undefined && { 'If-None-Match': etag }),
        };
        const response = isUpload ? uploaded(url, run) : await ask(wish.url, headers, run.signal);
        if (response.status === 304 && known !== undefined) return known;
        if (!response.ok) {
          await response.body?.cancel();
          throw fail('not-found', `invalid response status ${response.status}`);
        }
        const made = await files.make(key, `http url ${wish.url}`, (path) => download(response, path, wish, run));
        known?.release();
        return made;
      } catch (error) {
        known?.release();
        throw error;
      }
    });
  }

  function checked(held: HeldTree<Fetched>, { checksum }: HttpWish): HeldTree<Fetched> {
    const { digest } = held.tree.facts;
    if (checksum === '' || digest === checksum) return held;
    held.release();
    throw fail('invalid-argument', `digest mismatch ${digest}: ${checksum}`);
  }

  const keyOf = ({ digest, fileName, lastModified }: Fetched, { mode, uid, gid }: HttpWish): string =>
    canonicalDigest({ digest, fileName, lastModified, mode, uid, gid });

  return {
    shelves: [files],
    async pin(operation, _, run): Promise<PinnedSource> {
      const wish = wishOf(operation);
      if (wish.checksum !== '') return pinnedByChecksum(operation, wish);
      let held: HeldTree<Fetched> | undefined = await current(operation, wish, run);
      const { facts } = held.tree;
      const path = held.directory;
      const release = held.release;
      return {
        key: async () => keyOf(facts, wish),
        rest: 'nothing',
        materialise: async () => {
          held = undefined;
          return { result: { kind: 'directory', path }, release };
        },
        release: () => held?.release(),
      };
    },
    reconcile: () => files.reconcile(),
  };

  /** What it must be is known: nobody asks for it before it is needed. */
  function pinnedByChecksum(operation: SourceOperation, wish: HttpWish): PinnedSource {
    const { fileName, checksum: digest } = wish;
    return {
      key: async () => keyOf({ digest, fileName }, wish),
      rest: 'work',
      async materialise(later) {
        const held = checked(await current(operation, wish, later), wish);
        return { result: { kind: 'directory', path: held.directory }, release: held.release };
      },
    };
  }
}
