/**
 * A program that runs steps as an engine does, in a mount namespace of its own and over a root of its own, for tests: asked by
 * lines of JSON (`Ask`) on standard input, it answers each by one (`Answer`), and tells what a step says as it does.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { openDistribution, registryDefaults } from '#distribution';
import { openEvents } from '#events';
import { openImages } from '#images';
import { removeCgroupSoon } from '#linux/cgroups';
import { enterPrivateMounts, releasePrivateMounts } from '#linux/namespaces';
import { openNetworks } from '#networks';
import { Digester } from '#oci';
import { messageOf } from '#std/errors';
import { type LayerDraft, openRecords, packLayer } from '#store';
import type { ExecOperation } from '../../graph/operation.ts';
import type { Result } from '../../result.ts';
import type { BuildSession } from '../../session/session.ts';
import { openSteps, StepFailure } from '../index.ts';

export interface Ask {
  readonly number: number;
  readonly do: 'run' | 'cancel' | 'list' | 'busybox' | 'caches' | 'prune' | 'stop';
  readonly operation?: ExecOperation;
  readonly inputs?: readonly Result[];
  readonly secrets?: Readonly<Record<string, string>>;
  /** Socket of an agent. */
  readonly agent?: string;
  /** Which run is cancelled. */
  readonly of?: number;
  /** Whose topmost layer is listed. */
  readonly chain?: readonly string[];
}

export interface Answer {
  readonly number: number;
  readonly log?: { readonly stream: 1 | 2; readonly text: string };
  readonly done?: unknown;
  readonly error?: string;
  readonly exitCode?: number;
}

const root = process.argv[2] ?? '';
const [dataRoot, execRoot] = [join(root, 'data'), join(root, 'exec')];
enterPrivateMounts(execRoot);

const records = openRecords(join(root, 'records.db'));
const events = openEvents(records);
const images = await openImages({
  records,
  events,
  distribution: openDistribution(() => registryDefaults),
  dataRoot,
  users: () => [],
});
const networks = await openNetworks({ records, events, execRoot });
const { builds } = images;
// The same for the next engine over this root.
const cgroupParent = `estiba-${basename(root)}`;
const runtime = Bun.which('crun') ?? 'crun';

function measure(draft: LayerDraft) {
  const digester = new Digester();
  for (const chunk of packLayer(draft.directory)) digester.update(chunk);
  const tarSizeBytes = digester.sizeBytes;
  return Promise.resolve({ draft, diffId: digester.finish(), tarSizeBytes, sizeBytes: 0 });
}

const dns = () => ({ Dns: null, DnsSearch: null, DnsOptions: null });
const steps = openSteps({ dns, builds, networks, records, dataRoot, execRoot, runtime, cgroupParent, measure });
await networks.reconcile(new Set());
await steps.reconcile();
await images.reconcile();

const running = new Map<number, AbortController>();

function sessionOf({ secrets = {}, agent }: Ask): BuildSession {
  const session: Pick<BuildSession, 'id' | 'secret' | 'hasAgent' | 'connectAgent'> = {
    id: 'test',
    secret: (id) => Promise.resolve(secrets[id] === undefined ? undefined : Buffer.from(secrets[id])),
    hasAgent: () => Promise.resolve(agent !== undefined),
    connectAgent: () => Promise.resolve(createConnection(agent ?? '')),
  };
  return session as BuildSession;
}

function tell(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function runStep(ask: Ask): Promise<unknown> {
  const controller = new AbortController();
  running.set(ask.number, controller);
  const { signal } = controller;
  const { operation, inputs = [], number } = ask;
  if (operation === undefined) throw new Error('no operation');
  const startedMs = performance.now();
  const context = {
    id: 'test',
    sessions: [sessionOf(ask)],
    onProgress: () => undefined,
    signal,
    imageResolveMode: 'default' as const,
    cacheImports: [],
  };
  const outputs = await steps.exec(
    operation,
    { os: 'linux', architecture: 'amd64' },
    {
      context,
      vertexDigest: '',
      inputs,
      signal,
      onLog: (stream, data) => tell({ number, log: { stream, text: Buffer.from(data).toString('latin1') } }),
      onStatus: () => undefined,
    },
  );
  return { outputs, tookMs: performance.now() - startedMs };
}

/** A layer with the host's static busybox, its applets and two users. */
async function busybox(): Promise<Result> {
  const draft = builds.draft([]);
  const inRoot = (...path: string[]): string => join(draft.directory, ...path);
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp']) mkdirSync(inRoot(name), { mode: 0o755 });
  const binary = Bun.which('busybox') ?? 'busybox';
  copyFileSync(binary, inRoot('bin/busybox'));
  const applets = execFileSync(binary, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', inRoot('bin', applet));
  writeFileSync(inRoot('etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
  writeFileSync(inRoot('etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  const layer = builds.adopt(await measure(draft), []);
  return { kind: 'layers', chain: [layer.chainId] };
}

/** What the topmost layer of a chain has, as find(1) prints it. */
function list(chain: readonly string[]): unknown {
  const [layer] = (builds.hold(chain) ?? []).slice(-1);
  builds.release(chain);
  const [file, other] = ['%P %y %m %U:%G %s\n', '%P %y %m %U:%G\n'];
  const words = ['.', '-mindepth', '1', '-type', 'f', '-printf', file, '-o', '-mindepth', '1', '-printf', other];
  return execFileSync('find', words, { cwd: layer?.directory, encoding: 'utf8' }).split('\n').filter(Boolean).sort();
}

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.do) {
    case 'run':
      return await runStep(ask);
    case 'cancel':
      return running.get(ask.of ?? 0)?.abort();
    case 'list':
      return list(ask.chain ?? []);
    case 'busybox':
      return await busybox();
    case 'caches':
      return steps.caches.list();
    case 'prune':
      return await Promise.all(steps.caches.list().map(({ id }) => steps.caches.remove(id)));
    case 'stop':
      await steps.close();
      await networks.close();
      await removeCgroupSoon(cgroupParent);
      await images.close();
      releasePrivateMounts(execRoot);
      return { left: readdirSync(join(dataRoot)) };
  }
}

tell({ number: 0, done: { cgroupParent } });
for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line) as Ask;
  void answer(ask).then(
    (done) => {
      tell({ number: ask.number, done: done ?? null });
      if (ask.do === 'stop') process.exit(0);
    },
    (error: unknown) => {
      const exitCode = error instanceof StepFailure ? { exitCode: error.exitCode } : {};
      tell({ number: ask.number, error: messageOf(error), ...exitCode });
    },
  );
}
