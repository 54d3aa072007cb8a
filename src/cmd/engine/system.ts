import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type CgroupFacts, readHostFacts, type SystemInformation } from '#http';
import { cgroupDirectory, cgroupLayout } from '#linux/cgroups';
import type { Records } from '#store';
import { programVersion } from '../version.ts';
import type { EngineSettings } from './settings.ts';

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

async function runtimeVersion(path: string): Promise<string> {
  const output = await new Response(Bun.spawn([path, '--version']).stdout).text();
  return /version (\S+)/.exec(output)?.[1] ?? 'unknown';
}

/** What the engine says of itself in `GET /info` and `GET /version`. */
export async function systemInformation(
  settings: EngineSettings,
  records: Records,
  runtime: string,
  requestStop: (all: boolean) => void,
): Promise<SystemInformation> {
  const id = engineId(records);
  return {
    id,
    version: programVersion,
    gitCommit: '',
    buildTime: '',
    dataRoot: settings.dataRoot,
    execRoot: settings.execRoot,
    startedAt: new Date(),
    debug: settings.logLevel === 'debug',
    labels: [],
    host: readHostFacts(),
    cgroups: cgroupFacts(),
    storage: {
      driver: 'overlay2',
      status: [
        ['Backing Filesystem', 'extfs'],
        ['Supports d_type', 'true'],
        ['Using metacopy', 'false'],
        ['Native Overlay Diff', 'true'],
        ['userxattr', 'false'],
      ],
    },
    runtimes: { crun: { path: runtime }, runc: { path: runtime }, 'io.containerd.runc.v2': { path: runtime } },
    defaultRuntime: 'runc',
    loggingDriver: 'json-file',
    securityOptions: ['name=seccomp,profile=builtin', ...(cgroupLayout().version === 2 ? ['name=cgroupns'] : [])],
    firewallDriver: 'nftables',
    components: [{ name: 'crun', version: await runtimeVersion(runtime) }],
    counts: () => ({ fileDescriptors: readdirSync('/proc/self/fd').length, eventListeners: 0 }),
    warnings: () => [],
    requestStop,
  };
}
