import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Distribution, openDistribution, registryDefaults } from '#distribution';
import { openEvents } from '#events';
import { type BuildLayer, type Images, openImages } from '#images';
import { Digester, digestOf, hostPlatform, type Platform } from '#oci';
import { fail } from '#std/errors';
import { openRecords, packLayer } from '#store';
import { createVertex } from '../graph/create-vertex.ts';
import type { BlobToWrite } from '../session/session.ts';
import type {
  BuildContext,
  BuildSession,
  CacheableResult,
  DirectoryTransfer,
  FrontendOutput,
  FrontendResult,
  HeldResult,
  LayersResult,
  Progress,
  Solver,
} from '../types.ts';

/** An image store of an engine that builds, for tests. */
export interface ExportFixture extends AsyncDisposable {
  readonly images: Images;
  readonly distribution: Distribution;
  /** Makes a layer above others: `change` writes into its file system. It stays held. */
  layer(chain: readonly string[], change: (root: string) => void): Promise<BuildLayer>;
}

/** Opens one in a directory of its own. */
export async function openExportFixture(): Promise<ExportFixture> {
  const dataRoot = mkdtempSync(join(tmpdir(), 'export-test-'));
  const records = openRecords(join(dataRoot, 'records.db'));
  const distribution = openDistribution(() => ({ ...registryDefaults, firstRetryMs: 10 }));
  const images = await openImages({ records, events: openEvents(records), distribution, dataRoot, users: () => [] });
  return {
    images,
    distribution,
    async layer(chain, change) {
      const draft = images.builds.draft(chain);
      const mounted = images.builds.mount(chain, draft);
      change(mounted.directory);
      await mounted.unmount();
      const digester = new Digester();
      for (const chunk of packLayer(draft.directory)) digester.update(chunk);
      const { sizeBytes: tarSizeBytes } = digester;
      return images.builds.adopt({ draft, diffId: digester.finish(), tarSizeBytes, sizeBytes: 1 }, chain);
    },
    async [Symbol.asyncDispose]() {
      await images.settled();
      await images.close();
      records[Symbol.dispose]();
      rmSync(dataRoot, { recursive: true });
    },
  };
}

/** What a frontend gives of layers that are there; its vertex stands for the chain. */
export function outputOf(
  layers: readonly BuildLayer[],
  config: object | undefined,
  platform: Platform = hostPlatform(),
): FrontendOutput & { readonly chain: readonly string[] } {
  const chain = layers.map(({ chainId }) => chainId);
  const operation = { type: 'source', identifier: `test://${chain.at(-1)}`, attributes: {} } as const;
  const vertex = createVertex({ operation, inputs: [], platform, name: 'test', isUncached: false });
  const content = config === undefined ? {} : { config: Buffer.from(JSON.stringify(config)) };
  return { platform, edge: { vertex, output: 0 }, chain, ...content };
}

/** A frontend's result of these outputs. */
export function resultOf(outputs: readonly FrontendOutput[], more: Partial<FrontendResult> = {}): FrontendResult {
  return { outputs, isMultiPlatform: outputs.length > 1, metadata: new Map(), ...more };
}

/** A solver that knows the results of these outputs, and nothing else. */
export function solverOf(
  { builds }: Pick<Images, 'builds'>,
  outputs: readonly (FrontendOutput & { readonly chain: readonly string[] })[],
  cacheable: readonly CacheableResult[] = [],
): Pick<Solver, 'solveLayers' | 'cacheable'> {
  return {
    async solveLayers(edge): Promise<HeldResult & { result: LayersResult }> {
      const found = outputs.find((output) => output.edge?.vertex.digest === edge.vertex.digest);
      const chain = found?.chain ?? [];
      if (builds.hold(chain) === undefined) throw fail('internal', 'its layers are gone');
      return { result: { kind: 'layers', chain }, key: digestOf(chain.join()), release: () => builds.release(chain) };
    },
    cacheable: () => cacheable,
  };
}

/** What a client was sent. */
export interface Received {
  readonly files: Map<string, Buffer>;
  readonly metadata: Map<string, Readonly<Record<string, string>>>;
  readonly directories: { directory: string; id: string; transfer: DirectoryTransfer; names: string[] }[];
  readonly stores: Map<string, Map<string, Buffer>>;
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A client that takes what it is sent; `look` lists a directory while it is there. */
export function clientSession(look: (directory: string) => string[] = () => []): {
  session: BuildSession;
  received: Received;
} {
  const received: Received = { files: new Map(), metadata: new Map(), directories: [], stores: new Map() };
  const storeOf = (name: string): Map<string, Buffer> => {
    const store = received.stores.get(name) ?? new Map<string, Buffer>();
    received.stores.set(name, store);
    return store;
  };
  const session: Partial<BuildSession> = {
    id: 'client',
    signal: new AbortController().signal,
    credentials: async () => undefined,
    async sendFile(id, metadata, content) {
      received.metadata.set(id, metadata);
      received.files.set(id, await collect(content));
    },
    async sendDirectory(id, _, directory, transfer) {
      received.directories.push({ directory, id, transfer, names: look(directory) });
    },
    contentStore: (name) => ({
      sizeBytes: async (digest) => storeOf(name).get(digest)?.length,
      async *read(digest) {
        const content = storeOf(name).get(digest);
        if (content === undefined) throw fail('internal', `${digest} is not there`);
        yield content;
      },
      async write({ digest, sizeBytes, content }: BlobToWrite) {
        const bytes = await collect(content());
        if (digestOf(bytes) !== digest || bytes.length !== sizeBytes) throw fail('internal', `${digest} is damaged`);
        storeOf(name).set(digest, bytes);
      },
    }),
  };
  return { session: session as BuildSession, received };
}

/** A build of that client; its progress is collected. */
export function contextOf(session?: BuildSession): BuildContext & { readonly progress: Progress[] } {
  const progress: Progress[] = [];
  return {
    id: 'build',
    sessions: session === undefined ? [] : [session],
    onProgress: (message) => void progress.push(message),
    signal: new AbortController().signal,
    imageResolveMode: 'default',
    cacheImports: [],
    progress,
  };
}

/** The lines that a client draws: vertices, and what they do, each once. */
export function shown(progress: readonly Progress[]): string[] {
  const lines = progress.flatMap((message) =>
    message.type === 'vertex' ? [message.name] : message.type === 'status' ? [message.id] : [],
  );
  return [...new Set(lines)];
}

/** The files of a tar, by their names. */
export function untar(archive: Buffer): Map<string, Buffer> {
  const list = execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' }).split('\n').filter(Boolean);
  const files = list.filter((name) => !name.endsWith('/'));
  return new Map(files.map((name) => [name, execFileSync('tar', ['-xOf', '-', name], { input: archive })]));
}

/** Parses JSON that is there. */
export const readJson = (content: Buffer | undefined) => JSON.parse(content?.toString() ?? 'null');

/** What a frontend says of an image of two layers, of which the first is its base's. */
export const configOfTwo = {
  architecture: 'amd64',
  config: { Cmd: ['sh'], Env: ['A=<b>'] },
  history: [
    { created: '2020-01-02T03:04:05Z', created_by: 'base' },
    { created_by: 'ENV A=<b>', comment: 'buildkit.dockerfile.v0', empty_layer: true },
    { created_by: 'COPY file /', comment: 'buildkit.dockerfile.v0' },
    { created_by: 'CMD ["sh"]', comment: 'buildkit.dockerfile.v0', empty_layer: true },
  ],
  os: 'linux',
};
