import type { ContainerConfig, HostConfig, Ulimit } from '#api';
import type { OciProcess, OciSpec } from '#oci';
import { resolveCapabilities } from './capabilities.ts';
import type { ContainerDevices } from './devices.ts';
import { type ContainerMount, type FileSystemInput, fileSystemMounts, rootPropagation } from './file-systems.ts';
import type { HostFacts } from './host.ts';
import { defaultMaskedPaths, defaultReadonlyPaths } from './masked.ts';
import { type NamespaceChoices, namespacesOf } from './namespaces.ts';
import { capabilitySets, environmentOf, withHome } from './process.ts';
import { type BlockLimits, resourcesOf } from './resources.ts';
import { rlimitsOf } from './rlimits.ts';
import { type SeccompFilter, seccompFilter } from './seccomp/index.ts';
import { parseSecurityOptions } from './security.ts';
import { sysctlsOf } from './sysctls.ts';
import type { ContainerUser } from './users.ts';

/** Everything that a specification is made of; what comes from the host was read before. */
export interface SpecInput {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly host: HostFacts;
  /** Mounted root file system. */
  readonly rootfs: string;
  readonly hostname: string;
  /** Variables of the containers that it has links to. */
  readonly linkEnvironment: readonly string[];
  readonly namespaces: NamespaceChoices;
  /** Whether the network namespace is another container's: its settings are then not ours to make. */
  readonly joinsNetwork: boolean;
  readonly user: ContainerUser;
  readonly devices: ContainerDevices;
  readonly block: BlockLimits;
  readonly mounts: readonly ContainerMount[];
  readonly files: FileSystemInput['files'];
  /** Path of the init binary, when the container is to have one. */
  readonly initBinary?: string;
  /** A host directory for /dev/shm that containers share; its own of ShmSize when not given. */
  readonly sharedMemoryPath?: string;
  /** Whether the runtime loads seccomp programs that are ready. */
  readonly loadsPrograms: boolean;
  readonly cgroupsPath: string;
  readonly defaultUlimits: readonly Ulimit[];
}

/** The parts of a container's process that execs take over. */
export type SharedProcess = Pick<OciProcess, 'capabilities' | 'rlimits' | 'noNewPrivileges' | 'oomScoreAdj'>;

/** Capabilities, limits and privileges of a container: the same for its main process and for execs. */
export function sharedProcess(
  hostConfig: HostConfig,
  host: HostFacts,
  defaultUlimits: readonly Ulimit[],
): SharedProcess {
  const rlimits = rlimitsOf({
    asked: hostConfig.Ulimits ?? [],
    defaults: defaultUlimits,
    own: host.limits,
    canRaise: host.capabilities.includes('CAP_SYS_RESOURCE'),
  });
  return {
    capabilities: capabilitySets(resolveCapabilities(hostConfig, host.capabilities)),
    ...(rlimits.length > 0 && { rlimits }),
    ...(parseSecurityOptions(hostConfig.SecurityOpt).noNewPrivileges && { noNewPrivileges: true }),
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

/**
 * The filter of a container's system calls as a program (struct sock_filter), undefined for none, or `custom` for one
 * that only the runtime makes, from a profile of the user's.
 */
export function builtinFilter(
  hostConfig: HostConfig,
  host: HostFacts,
  capabilities: readonly string[],
): Buffer | undefined | 'custom' {
  const { seccomp, annotations } = filterOf({ hostConfig, host, loadsPrograms: true }, capabilities);
  if (seccomp !== undefined) return 'custom';
  const [program] = Object.values(annotations ?? {});
  return program === undefined ? undefined : Buffer.from(program, 'base64');
}

function filterOf(
  { hostConfig, host, loadsPrograms }: Pick<SpecInput, 'hostConfig' | 'host' | 'loadsPrograms'>,
  capabilities: readonly string[],
): SeccompFilter {
  return seccompFilter({
    profile: parseSecurityOptions(hostConfig.SecurityOpt).seccomp,
    privileged: hostConfig.Privileged,
    capabilities,
    machines: host.machines,
    kernel: host.kernel,
    loadsPrograms,
  });
}

function sharedMemoryOf({ hostConfig, sharedMemoryPath }: SpecInput): FileSystemInput['sharedMemory'] {
  if (hostConfig.IpcMode === 'none') return 'none';
  if (hostConfig.IpcMode === 'host') return 'host';
  return sharedMemoryPath === undefined ? { sizeBytes: hostConfig.ShmSize } : { path: sharedMemoryPath };
}

function mainProcess(input: SpecInput): OciProcess {
  const { config, hostConfig } = input;
  const { home, ...user } = input.user;
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const [rows, columns] = hostConfig.ConsoleSize;
  return {
    ...sharedProcess(hostConfig, input.host, input.defaultUlimits),
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && rows > 0 && columns > 0 && { consoleSize: { height: rows, width: columns } }),
    user,
    args: input.initBinary === undefined ? command : ['/sbin/docker-init', '--', ...command],
    env: withHome(environmentOf(config, input, config.Tty), home),
    cwd: config.WorkingDir || '/',
  };
}

function kernelSettings(input: SpecInput): Record<string, string> {
  const { config, hostConfig, namespaces, host } = input;
  return sysctlsOf({
    asked: hostConfig.Sysctls ?? {},
    domainname: config.Domainname,
    ownNetwork: namespaces.network !== 'host',
    ownIpc: namespaces.ipc !== 'host',
    ownUts: namespaces.uts !== 'host',
    privateNetwork: namespaces.network !== 'host' && !input.joinsNetwork,
    pingGroups: host.pingGroups,
    unprivilegedPorts: host.unprivilegedPorts,
  });
}

/**
 * The OCI runtime specification of a container, with Docker's defaults (Engine API, ContainerConfig and HostConfig). Pure:
 * the same input gives the same specification. Throws in Docker's words for what cannot be given.
 */
export function buildSpec(input: SpecInput): OciSpec {
  const { hostConfig, namespaces, devices } = input;
  const isPrivileged = hostConfig.Privileged;
  const { writableCgroups } = parseSecurityOptions(hostConfig.SecurityOpt);
  const process = mainProcess(input);
  const filter = filterOf(input, process.capabilities?.bounding ?? []);
  const propagation = rootPropagation(input.mounts);
  // The engine's own come last: nobody can put another filter in the place of the one that was decided.
  const annotations = { ...hostConfig.Annotations, ...filter.annotations };
  return {
    ociVersion: '1.0.2',
    process,
    root: { path: input.rootfs, ...(hostConfig.ReadonlyRootfs && { readonly: true }) },
    ...(namespaces.uts !== 'host' && { hostname: input.hostname }),
    mounts: fileSystemMounts({
      mounts: input.mounts,
      files: input.files,
      ...(input.initBinary !== undefined && { initBinary: input.initBinary }),
      privileged: isPrivileged,
      writableCgroups,
      readOnlyRoot: hostConfig.ReadonlyRootfs,
      sharedMemory: sharedMemoryOf(input),
      recursiveReadOnly: input.host.recursiveReadOnly,
    }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    linux: {
      namespaces: namespacesOf(namespaces),
      ...(devices.nodes.length > 0 && { devices: devices.nodes }),
      cgroupsPath: input.cgroupsPath,
      resources: resourcesOf(hostConfig, input.host, devices.rules, input.block),
      sysctl: kernelSettings(input),
      ...(filter.seccomp !== undefined && { seccomp: filter.seccomp }),
      ...(propagation !== undefined && { rootfsPropagation: propagation }),
      maskedPaths: hostConfig.MaskedPaths ?? (isPrivileged ? [] : defaultMaskedPaths),
      readonlyPaths: hostConfig.ReadonlyPaths ?? (isPrivileged ? [] : defaultReadonlyPaths),
    },
  };
}
