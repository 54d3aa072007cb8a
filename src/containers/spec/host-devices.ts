import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { DeviceRequest, HostConfig, ThrottleDevice } from '#api';
import { hasCode, reasonOf } from '#linux/errno';
import type { OciDevice, OciDeviceRule, OciThrottle } from '#oci';
import { fail } from '#std/errors';
import { allowAll, type ContainerDevices, denyAll, parseDeviceRule, ruleFor } from './devices.ts';
import type { BlockLimits } from './resources.ts';
import { createFailed } from './runtime-words.ts';

/** Below /dev, but of the host's own instances. */
const skipped: ReadonlySet<string> = new Set(['pts', 'shm', 'fd', 'mqueue', 'console', '.lxc', '.lxd-mounts', '.udev']);

function majorOf(rdev: number): number {
  const device = BigInt(rdev);
  return Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn));
}

function minorOf(rdev: number): number {
  const device = BigInt(rdev);
  return Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn));
}

function nodeOf(stats: Stats, path: string): OciDevice | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  return {
    path,
    type: stats.isBlockDevice() ? 'b' : 'c',
    major: majorOf(stats.rdev),
    minor: minorOf(stats.rdev),
    fileMode: stats.mode & 0o777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

/** All device nodes below a directory; symbolic links are left out. */
function* nodesBelow(directory: string): Generator<OciDevice> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) yield* nodesBelow(path);
    } else if ((entry.isCharacterDevice() || entry.isBlockDevice()) && !skipped.has(entry.name)) {
      const node = nodeOf(statSync(path), path);
      if (node !== undefined) yield node;
    }
  }
}

function mappedNodes(pathOnHost: string, pathInContainer: string): OciDevice[] {
  const refuse = (reason: string): Error =>
    fail('internal', `error gathering device information while adding custom device "${pathOnHost}": ${reason}`);
  if (pathOnHost === '') throw refuse('no such file or directory');
  try {
    const real = realpathSync(pathOnHost);
    const stats = statSync(real);
    const node = nodeOf(stats, pathInContainer);
    if (node !== undefined) return [node];
    if (!stats.isDirectory()) throw refuse('not a device node');
    return [...nodesBelow(real)].map((below) => ({
      ...below,
      path: join(pathInContainer, relative(real, below.path)),
    }));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw refuse('no such file or directory');
    throw error;
  }
}

/** There is no driver that could answer a request for devices by what they can do, nor descriptions of any (CDI). */
function refuseRequest({ Driver, DeviceIDs, Capabilities }: DeviceRequest): never {
  if (Driver === 'cdi') {
    throw fail('internal', `CDI device injection failed: unresolvable CDI devices ${(DeviceIDs ?? []).join(', ')}`);
  }
  const wanted = (Capabilities ?? []).map((set) => `[${set.join(' ')}]`).join(' ');
  throw fail('internal', `could not select device driver "${Driver}" with capabilities: [${wanted}]`);
}

/**
 * The devices of a container: those asked for with `--device`, and all of the host's when it is privileged. Throws
 * `internal`, in Docker's words, for a device that is not there.
 */
export function readContainerDevices(hostConfig: HostConfig): ContainerDevices {
  const mappings = hostConfig.Devices ?? [];
  const nodes = new Map<string, OciDevice>();
  const rules: OciDeviceRule[] = [denyAll];
  if (hostConfig.Privileged) for (const node of nodesBelow('/dev')) nodes.set(node.path, node);
  for (const { PathOnHost, PathInContainer, CgroupPermissions } of mappings) {
    for (const node of mappedNodes(PathOnHost, PathInContainer || PathOnHost)) {
      nodes.set(node.path, node);
      if (CgroupPermissions === '')
        throw fail('internal', `${createFailed}device access at ${rules.length} field cannot be empty`);
      const rule = ruleFor(node, CgroupPermissions);
      if (rule !== undefined) rules.push(rule);
    }
  }
  for (const text of hostConfig.DeviceCgroupRules ?? []) rules.push(parseDeviceRule(text));
  for (const request of hostConfig.DeviceRequests ?? []) refuseRequest(request);
  return { nodes: [...nodes.values()], rules: hostConfig.Privileged ? [allowAll] : rules };
}

function numbersOf(path: string): { major: number; minor: number } {
  try {
    const { rdev } = statSync(path);
    return { major: majorOf(rdev), minor: minorOf(rdev) };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw fail('internal', `stat ${path}: no such file or directory`);
    throw fail('invalid-argument', `stat ${path.slice(0, 255)}: ${reasonOf(error)}`);
  }
}

/** Block devices with limits of their own, by number; throws `internal` for one that is not there. */
export function readBlockLimits(
  hostConfig: Pick<
    HostConfig,
    'BlkioWeightDevice' | 'BlkioDeviceReadBps' | 'BlkioDeviceWriteBps' | 'BlkioDeviceReadIOps' | 'BlkioDeviceWriteIOps'
  >,
): BlockLimits {
  const throttles = (devices: readonly ThrottleDevice[] | null): OciThrottle[] =>
    (devices ?? []).map(({ Path, Rate }) => ({ ...numbersOf(Path), rate: Rate }));
  return {
    weights: (hostConfig.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ ...numbersOf(Path), weight: Weight })),
    readBps: throttles(hostConfig.BlkioDeviceReadBps),
    writeBps: throttles(hostConfig.BlkioDeviceWriteBps),
    readIops: throttles(hostConfig.BlkioDeviceReadIOps),
    writeIops: throttles(hostConfig.BlkioDeviceWriteIOps),
  };
}
