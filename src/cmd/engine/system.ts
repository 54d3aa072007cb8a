import { randomUUID } from 'node:crypto';
import { readdirSync, realpathSync } from 'node:fs';
import type { EventJournal } from '#events';
import { type CgroupFacts, readHostFacts, type SystemInformation } from '#http';
import { cgroupDirectory, cgroupLayout } from '#linux/cgroups';
import { readMounts } from '#linux/mount';
import type { Records } from '#store';
import { programVersion } from '../version.ts';
import type { SettingsInForce } from './reload.ts';
import { installedRunc } from './runtime.ts';

interface Identity {
  readonly id: string;
  readonly engineId: string;
}

/** The identity that a data root gets when it is first opened. */
function engineId(records: Records): string {
  const collection = records.collection<Identity>('identity');
  const known = collection.get('engine');
  if (known !== undefined) return known.engineId;
  const identity: Identity = { id: 'engine', engineId: randomUUID() };
  collection.put(identity);
  return identity.engineId;
}

function cgroupFacts(): CgroupFacts {
  const { version } = cgroupLayout();
  const has = (controller: string): boolean => cgroupDirectory('/', controller) !== undefined;
  return {
    version: version === 2 ? '2' : '1',
    driver: 'cgroupfs',
    memoryLimit: has('memory'),
    swapLimit: has('memory'),
    cpuQuota: has('cpu'),
    cpuShares: has('cpu'),
    cpuset: has('cpuset'),
    pidsLimit: has('pids'),
    oomKillDisable: version === 1 && has('memory'),
  };
}

async function askRuntime(path: string): Promise<{ version: string; commit: string }> {
  const output = await new Response(Bun.spawn([path, '--version']).stdout).text();
  return {
    version: /version (\S+)/.exec(output)?.[1] ?? 'unknown',
    commit: /^commit: (\S+)/m.exec(output)?.[1] ?? '',
  };
}

/** The file system that holds a directory, as Docker names it. */
function backingFileSystem(directory: string): string {
  const path = realpathSync(directory);
  const holding = readMounts().filter(({ target }) => path === target || path.startsWith(target.replace(/\/*$/, '/')));
  // The longest path is the nearest mount, and of two at one place the later one is seen.
  const nearest = holding.reduceRight((best, entry) => (entry.target.length > best.target.length ? entry : best));
  return { ext2: 'extfs', ext3: 'extfs', ext4: 'extfs', overlay: 'overlayfs' }[nearest.type] ?? nearest.type;
}

function seccompName(profile: string | undefined): string {
  if (profile === undefined) return 'builtin';
  return profile === 'unconfined' ? 'unconfined' : 'custom';
}

/** What the engine says of itself in `GET /info` and `GET /version`. */
export async function systemInformation(
  inForce: SettingsInForce,
  { records, events }: { records: Records; events: Pick<EventJournal, 'listeners'> },
  runtime: string,
  requestStop: (all: boolean) => void,
): Promise<SystemInformation> {
  const id = engineId(records);
  const { version: runtimeVersion, commit: runtimeCommit } = await askRuntime(runtime);
  const settings = inForce.current;
  const runc = { path: installedRunc() ?? runtime };
  const builtin = { crun: { path: runtime }, runc, 'io.containerd.runc.v2': runc };
  return {
    id,
    version: programVersion,
    gitCommit: '',
    buildTime: '',
    dataRoot: settings.dataRoot,
    execRoot: settings.execRoot,
    startedAt: new Date(),
    get debug() {
      return inForce.current.logLevel === 'debug';
    },
    get labels() {
      return inForce.current.labels;
    },
    host: readHostFacts(),
    cgroups: cgroupFacts(),
    storage: {
      driver: 'overlay2',
      status: [
        ['Backing Filesystem', backingFileSystem(settings.dataRoot)],
        // By this clients know that builds can export archives and caches, push, and be for several platforms.
        ['driver-type', 'io.containerd.snapshotter.v1'],
        ['Supports d_type', 'true'],
        ['Using metacopy', 'false'],
        ['Native Overlay Diff', 'true'],
        ['userxattr', 'false'],
      ],
    },
    get runtimes() {
      return { ...builtin, ...inForce.current.runtimes };
    },
    get defaultRuntime() {
      return inForce.current.containers.runtime ?? 'crun';
    },
    get registries() {
      const { registryMirrors: mirrors, insecureRegistries: insecure } = inForce.current;
      return { mirrors, insecure };
    },
    get liveRestore() {
      return inForce.current.liveRestore;
    },
    loggingDriver: settings.containers.logDriver,
    securityOptions: [
      `name=seccomp,profile=${seccompName(settings.containers.seccompProfile)}`,
      ...(settings.containers.noNewPrivileges ? ['name=no-new-privileges'] : []),
      ...(cgroupLayout().version === 2 ? ['name=cgroupns'] : []),
    ],
    firewallDriver: 'nftables',
    runtimeCommit,
    components: [{ name: 'crun', version: runtimeVersion, details: { GitCommit: runtimeCommit } }],
    counts: () => ({ fileDescriptors: readdirSync('/proc/self/fd').length, eventListeners: events.listeners() }),
    warnings: () => [],
    requestStop,
  };
}
