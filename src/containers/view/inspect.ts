import type { ContainerInspect } from '#api';
import type { Rootfs } from '#images';
import type { Networks } from '#networks';
import { formatTime } from '#std/time';
import { networkSettingsOf } from '../networks/view.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, commandLine } from '../record.ts';
import { stateOf } from './status.ts';

/** What inspect needs beside the record. */
export interface InspectSources {
  readonly rootfs: Rootfs;
  readonly networks: Networks;
  readonly paths: ContainerPaths;
  /** Links by the names of this moment. */
  readonly links: (record: ContainerRecord) => string[] | null;
  /** Exec instances of the container that are not over. */
  readonly execIds: (containerId: string) => string[];
}

/** The address asked for, where clients before 1.44 look for it. */
function macOf({ endpoints, hostConfig }: ContainerRecord): { MacAddress?: string } {
  const { MacAddress } = endpoints[hostConfig.NetworkMode] ?? {};
  return MacAddress ? { MacAddress } : {};
}

/** The answer of `GET /containers/{id}/json`, without sizes. */
export function inspectRecord(record: ContainerRecord, sources: InspectSources): ContainerInspect {
  const { path, args } = commandLine(record);
  const { paths } = sources;
  const started = record.life.startedAtNs !== '';
  const execIds = sources.execIds(record.id);
  const ifStarted = (file: string): string => (started ? file : '');
  return {
    Id: record.id,
    Created: formatTime(BigInt(record.createdAtNs)),
    Path: path,
    Args: args,
    State: stateOf(record),
    Image: record.imageId,
    ResolvConfPath: ifStarted(paths.resolvConf(record.id)),
    HostnamePath: ifStarted(paths.hostname(record.id)),
    HostsPath: ifStarted(paths.hosts(record.id)),
    LogPath: record.hostConfig.LogConfig.Type === 'json-file' ? ifStarted(paths.log(record.id)) : '',
    Name: `/${record.name}`,
    RestartCount: record.life.restartCount,
    Driver: 'overlay2',
    Platform: record.platform,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: { ...record.hostConfig, Links: sources.links(record) },
    GraphDriver: sources.rootfs.describe(record.id),
    Mounts: [...record.mounts],
    Config: { ...record.config, ...macOf(record) },
    NetworkSettings: networkSettingsOf(record, sources.networks),
  };
}
