import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressMessage } from '#api';
import { openDistribution, registryDefaults } from '#distribution';
import { openEvents } from '#events';
import { mountTmpfs, unmount } from '#linux/mount';
import { digestOf, encodedOf, type TarEntry, tarEnd, tarHeader, tarPadding } from '#oci';
import { openRecords, type Records } from '#store';
import { type ImagesOptions, openImages } from './open.ts';
import type { Images, ImageUser } from './types.ts';

export type Part = Partial<TarEntry> & { path: string; content?: string | Uint8Array };

/** A tar with these entries, for tests. */
export function tar(...parts: Part[]): Buffer {
  const pieces = parts.flatMap(({ content = '', ...entry }) => {
    const bytes = Buffer.from(content as string);
    return [tarHeader({ ...entry, sizeBytes: bytes.length }), bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...pieces, tarEnd]);
}

/** A stream that gives these bytes in pieces, and then ends or fails. */
export function streamOf(bytes: Uint8Array, pieceBytes = 10_000, failure?: Error): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset < bytes.length) controller.enqueue(bytes.slice(offset, offset + pieceBytes));
      else if (failure !== undefined) controller.error(failure);
      else controller.close();
      offset += pieceBytes;
    },
  });
}

/** The configuration of an image with these layers. */
export function configFor(layers: readonly Uint8Array[], extra: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2024-01-02T03:04:05.000000006Z',
      config: { Cmd: ['sh'], Labels: { kind: 'fixture' } },
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
      history: layers.map((_, index) => ({ created: '2024-01-02T03:04:05Z', created_by: `step ${index}` })),
      ...extra,
    }),
  );
}

/** A docker-archive of one image, as old versions of Docker wrote it. */
export function dockerArchive(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
  extra: object = {},
): Buffer {
  const config = configFor(layers, extra);
  const name = `${encodedOf(digestOf(config))}.json`;
  return tar(
    ...layers.map((content, index) => ({ path: `${index}/layer.tar`, content })),
    { path: name, content: config },
    {
      path: 'manifest.json',
      content: JSON.stringify([
        { Config: name, RepoTags: tags, Layers: layers.map((_, index) => `${index}/layer.tar`) },
      ]),
    },
  );
}

export interface ImagesFixture extends AsyncDisposable {
  readonly images: Images;
  readonly dataRoot: string;
  readonly records: Records;
  readonly users: (ImageUser & { imageId: string })[];
  /** Actions of events so far, each with the name it carries. */
  events(): string[];
  importTar(repository?: string, parts?: readonly Part[], changes?: readonly string[]): Promise<string>;
  load(archive: Uint8Array, quiet?: boolean): Promise<ProgressMessage[]>;
  save(...references: string[]): Promise<Buffer>;
  /** What `docker images` shows: the tags of each image, or its short id. */
  list(filters?: Readonly<Record<string, string[]>>): string[];
  /** All that is on disk once the background work is done. */
  leftOnDisk(): Promise<{ layers: string[]; blobs: string[]; others: string[] }>;
  /** The same images in a new process, as far as a test can tell. */
  reopen(): Promise<void>;
}

/** Opens the images of a data root as an engine does, with the records beside them. */
export async function openImagesIn(
  dataRoot: string,
  more: Partial<Pick<ImagesOptions, 'gcPolicy' | 'users' | 'distribution'>> = {},
): Promise<{ readonly records: Records; readonly images: Images }> {
  const records = openRecords(join(dataRoot, 'records.db'));
  const images = await openImages({
    records,
    distribution: openDistribution(() => registryDefaults),
    events: openEvents(records),
    dataRoot,
    users: () => [],
    ...more,
  });
  return { records, images };
}

/** Images in a directory of their own; with `sizeBytes` on a file system that is full when it holds so much. */
export async function openFixture(
  sizeBytes?: number,
  more: Pick<ImagesOptions, 'gcPolicy'> = {},
): Promise<ImagesFixture> {
  const dataRoot = mkdtempSync(join(tmpdir(), 'images-test-'));
  if (sizeBytes !== undefined) mountTmpfs(dataRoot, { sizeBytes });
  const users: (ImageUser & { imageId: string })[] = [];
  const distribution = openDistribution(() => ({ ...registryDefaults, firstRetryMs: 10 }));
  const open = () => openImagesIn(dataRoot, { distribution, users: () => users, ...more });
  let opened = await open();
  return {
    get images() {
      return opened.images;
    },
    get records() {
      return opened.records;
    },
    dataRoot,
    users,
    importTar(repository, parts = [{ path: 'file', content: 'x' }], changes = []) {
      const named = repository === undefined ? {} : { repository };
      return opened.images.import({ body: streamOf(tar(...parts)), changes, ...named });
    },
    load: (archive, quiet = false) => Array.fromAsync(opened.images.load(streamOf(archive), { quiet })),
    async save(...references) {
      return Buffer.from(await new Response(await opened.images.save(references)).arrayBuffer());
    },
    list(filters = {}) {
      const rows = opened.images.list({ all: false, digests: false, filters: new Map(Object.entries(filters)) });
      return rows.map(({ Id, RepoTags }) => RepoTags?.join(' ') || encodedOf(Id).slice(0, 12));
    },
    async leftOnDisk() {
      await opened.images.settled();
      const files = (...path: string[]): string[] => readdirSync(join(dataRoot, ...path));
      return {
        layers: files('snapshots/layers'),
        blobs: files('blobs/sha256'),
        others: [...files('snapshots/removed'), ...files('snapshots/unfinished'), ...files('blobs/unfinished')],
      };
    },
    events() {
      const rows = opened.records.database.query<{ body: string }, []>('SELECT body FROM events ORDER BY seq').all();
      return rows.map(({ body }) => {
        const { Action, Actor } = JSON.parse(body) as { Action: string; Actor: { Attributes: { name?: string } } };
        return `${Action} ${Actor.Attributes.name ?? ''}`.trim();
      });
    },
    async reopen() {
      await opened.images.settled();
      opened.records[Symbol.dispose]();
      opened = await open();
    },
    async [Symbol.asyncDispose]() {
      for (const id of opened.images.rootfs.list()) opened.images.rootfs.unmount(id);
      await opened.images.settled();
      opened.records[Symbol.dispose]();
      unmount(dataRoot, { lazy: true });
      rmSync(dataRoot, { recursive: true });
    },
  };
}
