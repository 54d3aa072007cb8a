import { Database } from 'bun:sqlite';
import {
  copyFileSync,
  type Dirent,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createTarReader, Digester, encodedOf, type TarEntry } from '#oci';
import { decompress, detectCompression, openBlobs, packLayer } from '#store';
import { blobsOfManifest, type StoredManifest } from '../../src/images/manifests.ts';
import { until } from '../harness/index.ts';

/** What a file is, as far as a layer's tar says it. */
interface Facts {
  readonly kind: string;
  readonly mode: number;
  readonly content: string;
}

const whiteout = '.wh.';

function clean(path: string): string {
  return path.replace(/^(?:\.?\/)+|\/+$/g, '');
}

/** What a layer's tar wants to be on disk, by path; hard links as files of their own. */
async function wantedBy(source: AsyncIterable<Uint8Array>): Promise<Map<string, Facts>> {
  const wanted = new Map<string, Facts>();
  let entry: TarEntry | undefined;
  let digester = new Digester();
  const reader = createTarReader({
    entry(next) {
      entry = next;
      digester = new Digester();
    },
    data: (chunk) => digester.update(chunk),
    end() {
      if (entry === undefined) return;
      const path = clean(entry.path);
      const name = path.split('/').at(-1) ?? '';
      if (path === '' || name === `${whiteout}${whiteout}.opq`) return;
      if (name.startsWith(whiteout)) {
        wanted.set(path.slice(0, -name.length) + name.slice(whiteout.length), {
          kind: 'character',
          mode: 0,
          content: '',
        });
      } else if (entry.type === 'hardlink') {
        const target = wanted.get(clean(entry.linkPath));
        if (target !== undefined) wanted.set(path, target);
      } else {
        const content = entry.type === 'file' ? digester.finish() : entry.type === 'symlink' ? entry.linkPath : '';
        wanted.set(path, { kind: entry.type, mode: entry.mode, content });
      }
    },
  });
  for await (const chunk of source) await reader.write(chunk);
  reader.close();
  return wanted;
}

function kindOf(entry: Dirent): string {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  return entry.isCharacterDevice() ? 'character' : 'other';
}

function contentOf(path: string, kind: string): string {
  if (kind === 'symlink') return readlinkSync(path);
  if (kind !== 'file') return '';
  const digester = new Digester();
  digester.update(readFileSync(path));
  return digester.finish();
}

/** How a layer's directory differs from the tar that it was unpacked from. */
async function layerProblems(source: AsyncIterable<Uint8Array>, directory: string): Promise<string[]> {
  const detected = await detectCompression(source);
  const wanted = await wantedBy(decompress(detected.source, detected.compression));
  const problems: string[] = [];
  const visit = (below: string): void => {
    for (const entry of readdirSync(join(directory, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      const kind = kindOf(entry);
      const facts = wanted.get(path);
      wanted.delete(path);
      if (kind === 'directory') visit(path);
      // Directories that lead to a file need not be entries of their own.
      if (facts === undefined && kind !== 'directory') problems.push(`${path} is too much`);
      if (facts === undefined) continue;
      const full = join(directory, path);
      if (facts.kind !== kind) problems.push(`${path} is a ${kind}, not a ${facts.kind}`);
      else if (contentOf(full, kind) !== facts.content) problems.push(`${path} has another content`);
      else if (!['symlink', 'character'].includes(kind) && (lstatSync(full).mode & 0o7777) !== facts.mode)
        problems.push(`${path} has another mode`);
    }
  };
  visit('');
  return [...problems, ...[...wanted.keys()].map((path) => `${path} is missing`)];
}

/** What is wrong with a layer that a build made: its files give its tar. */
function treeProblems(directory: string, diffId: string): string[] {
  const digester = new Digester();
  for (const chunk of packLayer(directory)) digester.update(chunk);
  const actual = digester.finish();
  return actual === diffId ? [] : [`layer ${diffId} gives the tar ${actual}`];
}

async function blobProblems(source: AsyncIterable<Uint8Array>, digest: string): Promise<string[]> {
  const digester = new Digester();
  for await (const chunk of source) digester.update(chunk);
  const actual = digester.finish();
  return actual === digest ? [] : [`blob ${digest} has the content of ${actual} (${digester.sizeBytes} bytes)`];
}

type Row = Readonly<Record<string, unknown>> & { readonly id: string };

function readDatabase(path: string) {
  using database = new Database(path, { create: true, readwrite: true });
  const checks = database.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all();
  const isThere = database.query("SELECT 1 FROM sqlite_master WHERE name = 'records'").get() !== null;
  const rows = isThere
    ? database.query<{ kind: string; body: string }, []>('SELECT kind, body FROM records').all()
    : [];
  return {
    of: (kind: string) => rows.filter((row) => row.kind === kind).map(({ body }) => JSON.parse(body) as Row),
    problems: checks.flatMap(({ integrity_check: text }) => (text === 'ok' ? [] : [`records: ${text}`])),
  };
}

/** The records as they are on disk, by kind, and what SQLite has against its file. It is read from a copy: who closes it changes it. */
export function readRecords(path: string): ReturnType<typeof readDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-records-'));
  try {
    for (const file of [path, `${path}-wal`]) {
      if (existsSync(file)) copyFileSync(file, join(directory, basename(file)));
    }
    return readDatabase(join(directory, basename(path)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : [];
}

/**
 * Looks at every byte that the images of a data root consist of, without the code that keeps them: each blob against its digest,
 * each layer's tree against its blob, and whether there is anything that no record names. To be called while nobody changes
 * them and all removals are done.
 */
export async function imageProblems(dataRoot: string, recordsFile = 'records.db'): Promise<string[]> {
  const { of, problems } = readRecords(join(dataRoot, recordsFile));
  const files = (...path: string[]): string[] =>
    existsSync(join(dataRoot, ...path)) ? readdirSync(join(dataRoot, ...path)) : [];
  const blobs = openBlobs(join(dataRoot, 'blobs'));
  const layers = of('layers');
  const layerBlobs = layers.flatMap(({ blob }) => (blob === undefined ? [] : [String(blob)]));
  const manifests = of('manifests') as unknown as StoredManifest[];
  const needed = new Set([...of('images').map(({ id }) => id), ...layerBlobs, ...manifests.flatMap(blobsOfManifest)]);
  for (const digest of needed) {
    if (blobs.has(digest)) problems.push(...(await blobProblems(blobs.read(digest), digest)));
    else problems.push(`blob ${digest} is missing`);
  }
  for (const { id, blob, diffId } of layers) {
    const directory = join(dataRoot, 'snapshots/layers', encodedOf(id));
    if (!existsSync(directory)) problems.push(`layer ${id} is missing`);
    else if (blob === undefined) problems.push(...treeProblems(directory, String(diffId)));
    else if (blobs.has(String(blob))) {
      const found = await layerProblems(blobs.read(String(blob)), directory);
      problems.push(...found.map((text) => `layer ${id}: ${text}`));
    }
  }
  const chains = [...of('images'), ...of('rootfs')].flatMap(({ chain }) => chain as string[]);
  const named = new Set(layers.map(({ id }) => encodedOf(id)));
  for (const id of chains) if (!named.has(encodedOf(id))) problems.push(`layer ${id} has no record`);
  for (const name of files('snapshots/layers')) if (!named.has(name)) problems.push(`layer left over: ${name}`);
  const known = new Set([...needed, ...of('manifests').flatMap(strings)].map((text) => text.split(':').at(-1)));
  for (const name of files('blobs/sha256')) if (!known.has(name)) problems.push(`blob left over: ${name}`);
  const rootfs = new Set(of('rootfs').map(({ id }) => id));
  for (const id of files('snapshots/containers')) {
    if (!rootfs.delete(id)) problems.push(`writable layer left over: ${id}`);
  }
  for (const id of rootfs) problems.push(`writable layer of ${id} is missing`);
  for (const path of ['snapshots/unfinished', 'snapshots/removed', 'snapshots/mounts', 'blobs/unfinished']) {
    for (const name of files(path)) problems.push(`left over: ${path}/${name}`);
  }
  return problems;
}

/** What is wrong or left over, once what goes on in the background is done; it is waited for. */
export async function settledProblems(dataRoot: string): Promise<string[]> {
  let last: string[] = [];
  await until('nothing to be left', async () => {
    last = await imageProblems(dataRoot);
    return last.length === 0;
  }).catch(() => undefined);
  return last;
}
