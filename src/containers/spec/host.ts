import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { cgroupDirectory, cgroupLayout } from '#linux/cgroups';
import { capabilitiesOfMask } from './capabilities.ts';
import type { Machine } from './seccomp/index.ts';

export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** What the engine's host and its own rights allow: what a container can be given at most. */
export interface HostFacts {
  readonly cgroupVersion: 1 | 2;
  /** The host's own machine first, then those whose programs it runs too. */
  readonly machines: readonly Machine[];
  /** Release of the kernel, `6.18.44`. */
  readonly kernel: string;
  /** The engine's bounding set: nothing can be given that is not in it. */
  readonly capabilities: readonly string[];
  /** The engine's own resource limits by `RLIMIT_…`; infinity for no bound. */
  readonly limits: Readonly<Record<string, Limit>>;
  readonly processorCount: number;
  /** In the form of cpuset(7): `0-3,8`. */
  readonly onlineProcessors: string;
  readonly memoryNodes: string;
  /** Whether block I/O can be weighted. */
  readonly blockWeight: boolean;
  readonly blockDeviceWeight: boolean;
  readonly swapLimit: boolean;
  readonly realtimeSchedule: boolean;
  readonly pingGroups: boolean;
  readonly unprivilegedPorts: boolean;
  /** Whether a bind mount can be made read-only with all below it (Linux 5.12). */
  readonly recursiveReadOnly: boolean;
}

const machines: Readonly<Record<string, readonly Machine[]>> = { x64: ['x86_64', 'x86'], arm64: ['aarch64', 'arm'] };

/** Rows of /proc/self/limits by the names of getrlimit(2). */
const limitRows: Readonly<Record<string, string>> = {
  'Max cpu time': 'RLIMIT_CPU',
  'Max file size': 'RLIMIT_FSIZE',
  'Max data size': 'RLIMIT_DATA',
  'Max stack size': 'RLIMIT_STACK',
  'Max core file size': 'RLIMIT_CORE',
  'Max resident set': 'RLIMIT_RSS',
  'Max processes': 'RLIMIT_NPROC',
  'Max open files': 'RLIMIT_NOFILE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
  'Max address space': 'RLIMIT_AS',
  'Max file locks': 'RLIMIT_LOCKS',
  'Max pending signals': 'RLIMIT_SIGPENDING',
  'Max msgqueue size': 'RLIMIT_MSGQUEUE',
  'Max nice priority': 'RLIMIT_NICE',
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max realtime timeout': 'RLIMIT_RTTIME',
};

function limitValue(text: string): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

/** Reads the table of /proc/<pid>/limits. */
export function parseLimits(text: string): Record<string, Limit> {
  const limits: Record<string, Limit> = {};
  for (const line of text.split('\n')) {
    const match = /^(Max .+?) {2,}(\S+) +(\S+)/.exec(line);
    const name = limitRows[match?.[1] ?? ''];
    if (match === null || name === undefined) continue;
    limits[name] = { soft: limitValue(match[2] ?? ''), hard: limitValue(match[3] ?? '') };
  }
  return limits;
}

function trimmed(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return fallback;
  }
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = trimmed('/proc/sys/kernel/osrelease', '0.0').split('.').map(Number.parseFloat);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function hasFile(controller: string, ...names: string[]): boolean {
  const directory = cgroupDirectory('/', controller);
  return directory !== undefined && names.some((name) => existsSync(`${directory}/${name}`));
}

/** Reads the facts of this host and of this process; they do not change while it lives. */
export function readHostFacts(): HostFacts {
  const { version } = cgroupLayout();
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    cgroupVersion: version,
    machines: machines[process.arch] ?? [],
    kernel: trimmed('/proc/sys/kernel/osrelease', '0.0'),
    capabilities: capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'),
    limits: parseLimits(readFileSync('/proc/self/limits', 'utf8')),
    processorCount: cpus().length || availableParallelism(),
    onlineProcessors: trimmed('/sys/devices/system/cpu/online', '0'),
    memoryNodes: trimmed('/sys/devices/system/node/online', '0'),
    // On version 2 the files are in child cgroups only, so the controller itself has to do for an answer.
    blockWeight:
      version === 2 ? cgroupDirectory('/', 'io') !== undefined : hasFile('blkio', 'blkio.weight', 'blkio.bfq.weight'),
    blockDeviceWeight:
      version === 2
        ? cgroupDirectory('/', 'io') !== undefined
        : hasFile('blkio', 'blkio.weight_device', 'blkio.bfq.weight_device'),
    swapLimit: version === 2 ? existsSync('/proc/swaps') : hasFile('memory', 'memory.memsw.limit_in_bytes'),
    realtimeSchedule: version === 1 && hasFile('cpu', 'cpu.rt_runtime_us'),
    pingGroups: existsSync('/proc/sys/net/ipv4/ping_group_range'),
    unprivilegedPorts: existsSync('/proc/sys/net/ipv4/ip_unprivileged_port_start'),
    recursiveReadOnly: kernelIsAtLeast(5, 12),
  };
}
