import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runNftables } from '#linux/nftables';
import type { TestEngine } from './engine.ts';
import { processesNaming } from './processes.ts';

/** What an engine has made on the host, as far as it can be named: ids of containers ever made, and bridges. */
export interface Traces {
  readonly containers: ReadonlySet<string>;
  readonly bridges: ReadonlySet<string>;
  /** What of it is still there though nothing may be. */
  remaining(): string[];
}

interface NetworkAnswer {
  readonly Options?: Record<string, string>;
}
interface EventAnswer {
  readonly Type: string;
  readonly Actor: { readonly ID: string };
}

async function containersEver(engine: TestEngine): Promise<Set<string>> {
  const until = (Date.now() / 1000 + 0.05).toFixed(3);
  const response = await engine.request('GET', `/events?since=0&until=${until}`);
  const ids = new Set<string>();
  for (const line of (await response.text()).split('\n')) {
    if (line.trim() === '') continue;
    const event = JSON.parse(line) as EventAnswer;
    // A prune is an event of no container.
    if (event.Type === 'container' && event.Actor.ID !== '') ids.add(event.Actor.ID);
  }
  return ids;
}

/** Asks a living engine for what must be gone after it. */
export async function tracesOf(engine: TestEngine): Promise<Traces> {
  const containers = await containersEver(engine);
  const networks = await engine.get<NetworkAnswer[]>('/networks');
  const names = networks.map((network) => network.Options?.['com.docker.network.bridge.name']);
  const bridges = new Set(names.filter((name): name is string => name !== undefined && name !== ''));
  const indexes = new Map([...bridges].map((name) => [name, deviceIndex(name)]));
  /** Another engine may have come to the name since: what has it then is that one's. */
  const isForeign = (name: string): boolean =>
    deviceIndex(name) !== undefined && deviceIndex(name) !== indexes.get(name);
  return {
    containers,
    bridges,
    remaining: () => [
      ...remainsOf(containers, [], [engine.execRoot]),
      ...cgroupOf(engine.execRoot),
      ...[...bridges]
        .filter((name) => !isForeign(name) && new RegExp(`\\b${name}\\b`).test(firewall()))
        .map((name) => `firewall rules left for ${name}`),
      ...[...bridges]
        .filter((name) => !isForeign(name) && deviceIndex(name) !== undefined)
        .map((name) => `bridge left: ${name}`),
    ],
  };
}

/**
 * What an engine holds for containers that it no longer knows: mounts, pinned namespaces, veths, cgroups, files and
 * processes without an owner. Empty when all is well. Kernel teardown is not waited for by the engine, so callers poll.
 */
export async function leftovers(engine: TestEngine): Promise<string[]> {
  const known = await engine.get<{ Id: string; State: string }[]>('/containers/json?all=1');
  const owned = new Set(known.map((container) => container.Id));
  const traces = await tracesOf(engine);
  const gone = new Set([...traces.containers].filter((id) => !owned.has(id)));
  const running = known.filter((container) => container.State !== 'exited' && container.State !== 'created').length;
  return [
    ...remainsOf(gone, [engine.pid(), engine.keeperPid()], [engine.dataRoot, engine.execRoot]),
    ...[...traces.bridges].flatMap((bridge) => {
      const ports = readdirSync(join('/sys/class/net', bridge, 'brif'));
      return ports.length > running ? [`${ports.length} veths on ${bridge} for ${running} running containers`] : [];
    }),
  ];
}

function remainsOf(ids: ReadonlySet<string>, viewers: readonly number[], roots: readonly string[]): string[] {
  if (ids.size === 0) return [];
  const found = new Set<string>();
  const note = (kind: string, text: string): void => {
    for (const id of text.match(/[0-9a-f]{64}/g) ?? []) if (ids.has(id)) found.add(`${kind} left: ${text}`);
  };
  for (const viewer of ['self', ...viewers]) for (const mount of mountPoints(viewer)) note('mount', mount);
  for (const directory of below('/sys/fs/cgroup', 5)) note('cgroup', directory);
  for (const root of roots) {
    if (existsSync(root)) for (const path of below(root, 4)) note('file', path);
  }
  for (const id of ids) for (const { command } of processesNaming(id)) found.add(`process left: ${command}`);
  return [...found];
}

/** The kernel's number of a network device, never given again while the host is up; undefined when there is none. */
function deviceIndex(name: string): string | undefined {
  try {
    return readFileSync(join('/sys/class/net', name, 'ifindex'), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Every rule and set of this host. */
function firewall(): string {
  return runNftables('list ruleset');
}

/** The cgroups of an engine with its own exec root are below one named for that. */
function cgroupOf(execRoot: string): string[] {
  const name = `estiba-${createHash('sha256').update(execRoot).digest('hex').slice(0, 12)}`;
  return below('/sys/fs/cgroup', 3).flatMap((path) => (basename(path) === name ? [`cgroup left: ${path}`] : []));
}

function mountPoints(viewer: string | number): string[] {
  const lines = readFileSync(`/proc/${viewer}/mountinfo`, 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '');
}

/** Every path below `root`, at most `depth` deep; never through a mount of a container's own files. */
function below(root: string, depth: number): string[] {
  if (depth === 0) return [];
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
      const path = join(root, entry.name);
      if (!entry.isDirectory()) return [path];
      // A name that is an id tells all there is to tell; a layer's files are many and tell nothing.
      const tells = /[0-9a-f]{64}/.test(basename(path)) || entry.name === 'diff' || entry.name === 'blobs';
      return tells ? [path] : [path, ...below(path, depth - 1)];
    });
  } catch {
    return [];
  }
}

/** Unmounts all that is mounted below `root`, deepest first, and tells what that was. */
export function unmountBelow(root: string): string[] {
  const mounts = mountPoints('self')
    .filter((point) => point.startsWith(`${root}/`))
    .reverse();
  for (const point of mounts) Bun.spawnSync(['umount', '--lazy', point]);
  return mounts.map((point) => `mount left: ${point}`);
}
