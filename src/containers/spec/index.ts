export { buildSpec, builtinFilter, type SharedProcess, type SpecInput, sharedProcess } from './build.ts';
export { containerMounts, readySource } from './container-mounts.ts';
export { discardUnsupported } from './discard.ts';
export { type ContainerMount, fileSystemMounts } from './file-systems.ts';
export { type HostFacts, readHostFacts } from './host.ts';
export { readBlockLimits, readContainerDevices } from './host-devices.ts';
export { defaultMaskedPaths as maskedPaths, defaultReadonlyPaths as readonlyPaths } from './masked.ts';
export { type MountOptions, tmpfsDestination } from './mount-request.ts';
export {
  type MountOptionsTable,
  type PreparedMounts,
  planMounts,
  prepareMounts,
  type SnapshotMaker,
} from './mounts.ts';
export type { NamespaceChoice, NamespaceChoices } from './namespaces.ts';
export { noResources } from './no-resources.ts';
export { buildProcess } from './process.ts';
export { type BlockLimits, cpuPeriodUs } from './resources.ts';
export { parseSecurityOptions } from './security.ts';
export { checkShareableIpc, mountSharedMemory, releaseSharedMemory } from './shared-memory.ts';
export { networkSysctls } from './sysctls.ts';
export { readUserDatabase } from './user-database.ts';
export { resolveUser } from './users.ts';
export { type ValidationInput, validateCreation } from './validate.ts';
export { validateUpdate } from './validate-resources.ts';
