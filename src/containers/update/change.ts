import type { ContainerUpdateRequest, HostConfig, Resources, RestartPolicy } from '#api';
import { fail } from '#std/errors';

/** Numbers and words that an update sets when they are neither zero nor empty. */
const plain = [
  'BlkioWeight',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
] as const satisfies readonly (keyof Resources)[];

/** Lists by device: an update sets those devices that it names, and a rate of zero takes a throttle away. */
const byDevice = [
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
] as const satisfies readonly (keyof Resources)[];

/** Fixed when a container is made: an update may repeat them, as a client does that sends back what it was told. */
const fixed = [
  'CgroupParent',
  'Devices',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Ulimits',
  'KernelMemoryTCP',
] as const satisfies readonly (keyof Resources)[];

function conflict(message: string): Error {
  return fail('conflict', message);
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === 0 || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

function checkFixed(request: ContainerUpdateRequest, current: HostConfig): void {
  for (const field of fixed) {
    if (isEmpty(request[field]) || Bun.deepEquals(request[field], current[field])) continue;
    throw fail('invalid-argument', `${field} of a container cannot be changed by an update`);
  }
}

/** Conflicts with what the container has, in Docker's words. */
function checkConflicts(request: ContainerUpdateRequest, current: HostConfig): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, Memory = 0, MemorySwap = 0 } = request;
  if (NanoCpus > 0 && current.CpuPeriod > 0) {
    throw conflict('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  }
  if (NanoCpus > 0 && current.CpuQuota > 0) {
    throw conflict('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
  }
  if (CpuPeriod > 0 && current.NanoCpus > 0) {
    throw conflict('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  }
  if (CpuQuota > 0 && current.NanoCpus > 0) {
    throw conflict('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  }
  if (Memory > 0 && MemorySwap === 0 && Memory > current.MemorySwap) {
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
  if (Memory > 0 || MemorySwap <= 0) return;
  if (current.Memory === 0) {
    throw fail('invalid-argument', 'You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (MemorySwap < current.Memory) {
    throw fail('invalid-argument', 'Minimum memoryswap limit should be larger than memory limit, see usage');
  }
}

function changedPolicy(request: ContainerUpdateRequest, current: HostConfig): RestartPolicy | undefined {
  const { Name = '', MaximumRetryCount = 0 } = request.RestartPolicy ?? {};
  if (Name === '') return undefined;
  if (current.AutoRemove && Name !== 'no') {
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  }
  return { Name, MaximumRetryCount };
}

type DeviceList = readonly { readonly Path: string }[];

function mergedDevices(current: DeviceList | null, asked: DeviceList): DeviceList {
  const all = new Map((current ?? []).map((device) => [device.Path, device]));
  for (const device of asked) {
    if ('Rate' in device && device.Rate === 0) all.delete(device.Path);
    else all.set(device.Path, device);
  }
  return [...all.values()];
}

function changedFields(request: ContainerUpdateRequest): Partial<Resources> {
  const fields: Record<string, unknown> = {};
  for (const name of [...plain, ...byDevice]) if (!isEmpty(request[name])) fields[name] = request[name];
  const { PidsLimit, MemorySwappiness, OomKillDisable } = request;
  if (typeof PidsLimit === 'number') fields.PidsLimit = Math.max(PidsLimit, 0);
  if (typeof MemorySwappiness === 'number' && MemorySwappiness >= 0) fields.MemorySwappiness = MemorySwappiness;
  if (typeof OomKillDisable === 'boolean') fields.OomKillDisable = OomKillDisable;
  return fields;
}

/** What an update comes to. */
export interface Change {
  /** The resources that were asked to change, as asked. */
  readonly changes: Partial<Resources>;
  readonly hostConfig: HostConfig;
}

/**
 * Puts an update over a container's configuration. Throws `conflict` for what contradicts it, and `invalid-argument` for
 * what cannot change while the container lives; what the request says for itself was checked before.
 */
export function changeOf(request: ContainerUpdateRequest, current: HostConfig): Change {
  checkFixed(request, current);
  checkConflicts(request, current);
  const policy = changedPolicy(request, current);
  const changes = changedFields(request);
  const lists = byDevice.flatMap((name) => {
    const asked = changes[name];
    return asked == null ? [] : [[name, mergedDevices(current[name], asked)] as const];
  });
  const hostConfig = {
    ...current,
    ...changes,
    ...Object.fromEntries(lists),
    ...(policy !== undefined && { RestartPolicy: policy }),
  };
  return { changes, hostConfig };
}
