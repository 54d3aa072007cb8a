import type { OciMount } from '#oci';
import { fail } from '#std/errors';

/** A bind mount (a volume is one too, of its directory) or a tmpfs, with all decided. */
export interface ContainerMount {
  readonly type: 'bind' | 'tmpfs';
  /** Path on the host; empty for a tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** Flags that the host's own mount of the source has, `ro`, `nosuid`, …: runtimes may take them away (crun 1.8). */
  readonly sourceFlags?: readonly string[];
  /** Whether mounts below the source come along; they do when not said. */
  readonly recursive?: boolean;
  /** Whether those are read-only too: where the kernel can (when not said), never, or the start fails. */
  readonly recursiveReadOnly?: 'possible' | 'never' | 'required';
  /** `rprivate`, `rslave`, …; empty for the kernel's default. */
  readonly propagation: string;
  /** Options of a tmpfs, `size=64m`, `exec`, …, over the defaults. */
  readonly options?: readonly string[];
}

/** What decides about the mounts that every container has. */
export interface FileSystemInput {
  readonly mounts: readonly ContainerMount[];
  /** Generated files, on the host; those for which a mount is given are left out. */
  readonly files: { readonly hosts?: string; readonly hostname?: string; readonly resolvConf?: string };
  readonly initBinary?: string;
  readonly privileged: boolean;
  readonly writableCgroups: boolean;
  readonly readOnlyRoot: boolean;
  /** `none`: no shared memory; `host`: the host's; a path: a tmpfs that others share; else a size of its own. */
  readonly sharedMemory: 'none' | 'host' | { readonly path: string } | { readonly sizeBytes: number };
  readonly recursiveReadOnly: boolean;
}

const restricted = ['nosuid', 'noexec', 'nodev'];
const tmpfsDefaults = ['noexec', 'nosuid', 'nodev'];
const opposites: Readonly<Record<string, string>> = {
  exec: 'noexec',
  suid: 'nosuid',
  dev: 'nodev',
  rw: 'ro',
  async: 'sync',
  atime: 'noatime',
  diratime: 'nodiratime',
};
const propagations: ReadonlySet<string> = new Set(
  ['private', 'shared', 'slave', 'unbindable'].flatMap((name) => [name, `r${name}`]),
);
const tmpfsFlags: ReadonlySet<string> = new Set([
  ...Object.entries(opposites).flat(),
  'relatime',
  'norelatime',
  'strictatime',
  'nostrictatime',
  'bind',
  'rbind',
  ...propagations,
  'mand',
  'nomand',
  'dirsync',
  'defaults',
]);
const tmpfsValues: ReadonlySet<string> = new Set([
  'size',
  'mode',
  'uid',
  'gid',
  'nr_inodes',
  'nr_blocks',
  'mpol',
  'huge',
]);

/**
 * The later of two options that contradict each other wins: `exec` takes the default `noexec` away. Throws `internal`, as
 * Docker does, for an option that tmpfs does not have.
 */
export function mergeTmpfsOptions(options: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const option of [...tmpfsDefaults, 'rprivate', ...options]) {
    const [name = '', value] = option.split('=', 2);
    if (value === undefined ? !tmpfsFlags.has(name) : !tmpfsValues.has(name)) {
      throw fail('internal', `invalid tmpfs option ${JSON.stringify(name)}`);
    }
    const subject = propagations.has(name) ? 'propagation' : value === undefined ? (opposites[name] ?? name) : name;
    merged.delete(subject);
    if (option !== 'defaults') merged.set(subject, option);
  }
  return [...merged.values()];
}

function sharedMemoryMounts({ sharedMemory }: FileSystemInput): OciMount[] {
  const destination = '/dev/shm';
  if (sharedMemory === 'none') return [];
  if (sharedMemory === 'host') {
    return [{ destination, type: 'bind', source: '/dev/shm', options: ['rbind', 'rprivate'] }];
  }
  if ('path' in sharedMemory) {
    return [{ destination, type: 'bind', source: sharedMemory.path, options: ['rbind', 'rprivate'] }];
  }
  const options = [...restricted, 'mode=1777', `size=${sharedMemory.sizeBytes}`];
  return [{ destination, type: 'tmpfs', source: 'shm', options }];
}

function standardMounts(input: FileSystemInput): OciMount[] {
  const readOnlyUnlessPrivileged = input.privileged ? [] : ['ro'];
  const cgroupMode = input.privileged || input.writableCgroups ? [] : ['ro'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: restricted },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...restricted, ...readOnlyUnlessPrivileged] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...cgroupMode, ...restricted] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: restricted },
    ...sharedMemoryMounts(input),
  ];
}

function readOnlyOption(mount: ContainerMount, kernelCan: boolean): string[] {
  if (!mount.readOnly) return [];
  if (mount.recursiveReadOnly === 'never' || mount.recursive === false) return ['ro'];
  if (kernelCan) return ['rro'];
  if (mount.recursiveReadOnly === 'required') {
    throw fail('internal', 'failed to set recursively read-only: requires Linux kernel v5.12 or later');
  }
  return ['ro'];
}

function ociMount(mount: ContainerMount, kernelCan: boolean): OciMount {
  const { destination } = mount;
  if (mount.type === 'tmpfs') {
    const options = mergeTmpfsOptions([...(mount.options ?? []), ...(mount.readOnly ? ['ro'] : [])]);
    return { destination, type: 'tmpfs', source: 'tmpfs', options };
  }
  const options = [
    mount.recursive === false ? 'bind' : 'rbind',
    ...readOnlyOption(mount, kernelCan),
    ...(mount.sourceFlags ?? []).filter((flag) => flag !== 'ro' || !mount.readOnly),
    ...(mount.propagation === '' ? [] : [mount.propagation]),
  ];
  return { destination, type: 'bind', source: mount.source, options };
}

function generatedFiles({ files, readOnlyRoot }: FileSystemInput, taken: ReadonlySet<string>): OciMount[] {
  const sources: [string, string | undefined][] = [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ];
  const options = readOnlyRoot ? ['rbind', 'ro', 'rprivate'] : ['rbind', 'rprivate'];
  return sources.flatMap(([destination, source]) =>
    source === undefined || taken.has(destination) ? [] : [{ destination, type: 'bind', source, options }],
  );
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

/**
 * All mounts of a container in the order in which they are made: those that every container has, without the ones that
 * a mount asked for replaces, then those asked for, parents before children, then the generated files.
 */
export function fileSystemMounts(input: FileSystemInput): OciMount[] {
  const taken = new Set(input.mounts.map(({ destination }) => destination));
  const standard = standardMounts(input).filter(
    ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
  );
  const init: OciMount[] =
    input.initBinary === undefined
      ? []
      : [{ destination: '/sbin/docker-init', type: 'bind', source: input.initBinary, options: ['bind', 'ro'] }];
  const asked = input.mounts
    .toSorted((one, other) => depth(one.destination) - depth(other.destination))
    .map((mount) => ociMount(mount, input.recursiveReadOnly));
  return [...standard, ...init, ...asked, ...generatedFiles(input, taken)];
}

/** The propagation that the container's root needs for its mounts to share or follow the host's; undefined for the default. */
export function rootPropagation(mounts: readonly ContainerMount[]): string | undefined {
  if (mounts.some(({ propagation }) => /^r?shared$/.test(propagation))) return 'shared';
  return mounts.some(({ propagation }) => /^r?slave$/.test(propagation)) ? 'rslave' : undefined;
}
