import { type OutputPlace, offerDirectories, offerOutputs } from '#filesync';
import type { Implementation } from '#grpc';
import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { systemErrorText } from '../values/system-errors.ts';
import type { CachePlace } from './caches.ts';
import { offerContent, taggedDigest, tagManifest } from './content-store.ts';
import type { Output } from './outputs.ts';

interface Named {
  readonly type: string;
  readonly attrs: ReadonlyMap<string, string>;
}

/** What goes to and fro between this machine and a build. */
export interface BuildFiles {
  readonly offers: readonly Implementation[];
  readonly exporters: readonly Named[];
  readonly imports: readonly Named[];
  readonly exports: readonly Named[];
  /** Names what was written to caches of ours. */
  finish(response: ReadonlyMap<string, string>): void;
}

const usualTag = 'latest';

/** Opened when the first bytes come, so that a build that fails leaves no empty file. */
async function writeFile(destination: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const files = fileSystem();
  if (destination === '-') {
    for await (const bytes of content) await Bun.write(Bun.stdout, bytes);
    return;
  }
  let file: number | undefined;
  try {
    for await (const bytes of content) {
      file ??= files.openSync(destination, 'w', 0o644);
      for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(files.writeSync(file, rest));
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      throw fail('invalid-argument', `open ${destination}: ${systemErrorText(error)}`, error);
    }
    throw error;
  } finally {
    if (file !== undefined) files.closeSync(file);
  }
}

function placeOf({ destination = '-', isDirectory }: Output): OutputPlace {
  if (isDirectory) {
    fileSystem().mkdirSync(destination, { recursive: true });
    return { directory: destination };
  }
  return { write: (content) => writeFile(destination, content) };
}

/** Outputs as `type=oci,tar=false` come as blobs, and not as files. */
const isLayout = ({ type, isDirectory }: Output): boolean => isDirectory && type !== 'local';

function importOf({ type, attributes, directory }: CachePlace, stores: Map<string, string>): Named {
  if (directory === undefined) return { type, attrs: new Map(Object.entries(attributes)) };
  const digest = attributes.digest ?? taggedDigest(directory, attributes.tag ?? usualTag);
  if (digest === undefined) throw fail('not-found', `${directory} holds no cache`);
  stores.set(`local:${directory}`, directory);
  return { type, attrs: new Map([...Object.entries(attributes), ['src', directory], ['digest', digest]]) };
}

function exportOf({ type, attributes, directory }: CachePlace, stores: Map<string, string>): Named {
  if (directory === undefined) return { type, attrs: new Map(Object.entries(attributes)) };
  fileSystem().mkdirSync(directory, { recursive: true });
  stores.set(`local:${directory}`, directory);
  return { type, attrs: new Map([...Object.entries(attributes), ['dest', directory]]) };
}

/** What is offered of our files to a build, and how its request names them. */
export function offerFiles(options: {
  readonly directories: ReadonlyMap<string, string>;
  /** OCI layouts to read from, by the names of their stores. */
  readonly layouts?: ReadonlyMap<string, string>;
  readonly outputs: readonly Output[];
  readonly imports: readonly CachePlace[];
  readonly exports: readonly CachePlace[];
}): BuildFiles {
  const { directories, outputs } = options;
  const stores = new Map<string, string>(options.layouts);
  const imports = options.imports.map((place) => importOf(place, stores));
  const exports = options.exports.map((place) => exportOf(place, stores));
  const layout = outputs.find(isLayout);
  if (layout?.destination !== undefined) {
    fileSystem().mkdirSync(layout.destination, { recursive: true });
    stores.set('export', layout.destination);
  }
  const places = new Map(
    outputs.flatMap((output, index) =>
      output.destination === undefined || isLayout(output) ? [] : [[String(index), output] as const],
    ),
  );
  const [only] = places.values();
  const place = (id: string): OutputPlace | undefined => {
    const output = places.get(id) ?? (id === '' ? only : undefined);
    return output && placeOf(output);
  };
  return {
    offers: [
      offerDirectories(directories),
      ...(places.size > 0 ? [offerOutputs(place)] : []),
      ...(stores.size > 0 ? [offerContent(stores)] : []),
    ],
    exporters: outputs.map(({ type, attributes }) => ({ type, attrs: new Map(Object.entries(attributes)) })),
    imports,
    exports,
    finish(response) {
      const manifest = response.get('cache.manifest');
      for (const { directory, attributes } of options.exports) {
        if (directory === undefined || manifest === undefined) continue;
        tagManifest(directory, attributes.tag ?? usualTag, JSON.parse(manifest) as Record<string, unknown>);
      }
      const descriptor = response.get('containerimage.descriptor');
      if (layout?.destination === undefined || descriptor === undefined) return;
      const parsed = JSON.parse(Buffer.from(descriptor, 'base64').toString()) as Record<string, unknown>;
      tagManifest(layout.destination, usualTag, parsed);
    },
  };
}
