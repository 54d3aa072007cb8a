import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openDistribution, registryDefaults } from '#distribution';
import { openEvents } from '#events';
import { type BuildLayer, type BuildLayers, type Images, openImages } from '#images';
import { createTarReader, type TarEntry, tarEnd, tarHeader, tarPadding } from '#oci';
import { fail } from '#std/errors';
import { openRecords, packLayer } from '#store';
import type { Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import { openBuildFiles } from './open.ts';
import type { BuildFiles } from './types.ts';

/** All files of the tests are this old, and so many seconds less. */
const longAgo = 1_000_000_000;

/** An entry of a tar: what `tarHeader` takes, with contents, in seconds after `longAgo`. */
export type Part = Partial<TarEntry> & { readonly path: string; readonly content?: string; readonly after?: number };

/** A tar of these entries. */
export function tarOf(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(({ content = '', after = 0, ...entry }) => {
    const bytes = Buffer.from(content);
    const header = tarHeader({ ...entry, sizeBytes: bytes.length, modifiedSeconds: longAgo + after });
    return [header, bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...pieces, tarEnd]);
}

/** The entries of a layer's tar, one a line: `type name mode owner time size -> link`. */
export async function layerLines(directory: string): Promise<string[]> {
  const lines: string[] = [];
  const reader = createTarReader({
    entry: (entry) => void lines.push(lineOf(entry)),
    data: () => undefined,
    end: () => undefined,
  });
  for (const chunk of packLayer(directory)) await reader.write(chunk);
  return lines;
}

function lineOf(entry: TarEntry): string {
  const name = Buffer.from(entry.path.replace(/\/$/, ''), 'latin1').toString().replaceAll(' ', '\\x20');
  if (/(?:^|\/)\.wh\.[^/]*$/.test(name) && entry.mode === 0) return `mark ${name}`;
  const after = entry.modifiedSeconds - longAgo;
  const isNow = after > 100_000_000;
  const words = [entry.type, name, entry.mode.toString(8), `${entry.uid}:${entry.gid}`, isNow ? 'now' : `+${after}`];
  if (entry.type === 'file' && !isNow) words.push(String(entry.sizeBytes));
  if (entry.linkPath !== '') words.push('->', entry.linkPath);
  if (entry.type === 'character') words.push(`${entry.deviceMajor}:${entry.deviceMinor}`);
  return words.join(' ');
}

/** The builder's files over real layers, and directories to build from. */
export interface FilesFixture extends AsyncDisposable {
  readonly root: string;
  readonly builds: BuildLayers;
  readonly files: BuildFiles;
  readonly images: Images;
  /** The layers of a result, from the base up. They stay held until the fixture goes. */
  layers(result: Result): readonly BuildLayer[];
}

/** `workerCommand` as `openBuildFiles` takes it. */
export async function openFilesFixture(workerCommand?: readonly string[]): Promise<FilesFixture> {
  const root = mkdtempSync(join(tmpdir(), 'estiba-files-'));
  const records = openRecords(join(root, 'records.db'));
  const images = await openImages({
    records,
    events: openEvents(records),
    distribution: openDistribution(() => registryDefaults),
    dataRoot: join(root, 'data'),
    users: () => [],
  });
  const { builds } = images;
  const files = openBuildFiles({ builds, ...(workerCommand !== undefined && { workerCommand }) });
  return {
    root,
    builds,
    files,
    images,
    layers(result) {
      const layers = result.kind === 'layers' ? builds.hold(result.chain) : undefined;
      if (layers === undefined) throw fail('not-found', 'no layers');
      return layers;
    },
    async [Symbol.asyncDispose]() {
      files.close();
      await images.settled();
      images.close();
      records.database.close();
      rmSync(root, { recursive: true });
    },
  };
}

/** A run of a step on these inputs. */
export function stepRun(inputs: readonly Result[], signal: AbortSignal = new AbortController().signal): StepRun {
  return {
    context: {
      id: 'test',
      sessions: [],
      onProgress: () => undefined,
      signal,
      imageResolveMode: 'default',
      cacheImports: [],
    },
    vertexDigest: 'sha256:0',
    inputs,
    signal,
    onLog: () => undefined,
    onStatus: () => undefined,
  };
}

/** A file to be written: contents, or where a symbolic link leads, or a hard link; of a directory nothing. */
export interface Sketch {
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly hardLink?: string;
  readonly mode?: number;
  readonly after?: number;
}

/** Writes files below a directory, in order, and sets their times last. */
export function sketch(root: string, files: Readonly<Record<string, Sketch>>): void {
  for (const [name, { content, link, hardLink, mode }] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (link !== undefined) symlinkSync(link, path);
    else if (hardLink !== undefined) linkSync(join(root, hardLink), path);
    else if (content !== undefined) writeFileSync(path, content);
    else mkdirSync(path, { recursive: true });
    if (mode !== undefined) chmodSync(path, mode);
  }
  for (const [name, { link, after = 0 }] of Object.entries(files).reverse()) {
    if (link === undefined) utimesSync(join(root, name), longAgo + after, longAgo + after);
    else lutimesSync(join(root, name), longAgo + after, longAgo + after);
  }
}
