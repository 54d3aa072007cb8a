import type { ContainerUpdateRequest, ContainerUpdateResponse, HostConfig } from '#api';
import type { Events } from '#events';
import { applyCgroupSettings } from '#linux/cgroup-files';
import { fail, kindOf, messageOf } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { hasProcess } from '../record.ts';
import {
  type BlockLimits,
  discardUnsupported,
  type HostFacts,
  readBlockLimits,
  validateUpdate,
} from '../spec/index.ts';
import { changeOf } from './change.ts';
import { settingsOf } from './settings.ts';

/** What an update touches. */
export interface UpdateParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly paths: ContainerPaths;
  readonly hostFacts: () => HostFacts;
}

/** Changes resources and restart policy of a container. */
export type Update = (name: string, request: ContainerUpdateRequest) => Promise<ContainerUpdateResponse>;

const noDevices = {
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
};

function devicesOf(changes: Partial<HostConfig>): BlockLimits {
  return readBlockLimits({ ...noDevices, ...changes });
}

/**
 * Makes the update. It is whole or not at all: a running container's cgroup is changed first, by writing its files (a
 * runtime would be a process more), and the record, which the next start goes by, only when the kernel has taken it all.
 */
export function createUpdate({ catalog, events, paths, hostFacts }: UpdateParts): Update {
  async function change(id: string, request: ContainerUpdateRequest): Promise<void> {
    const record = catalog.find(id);
    if (record.life.phase === 'removing') {
      throw fail('conflict', 'container is marked for removal and cannot be "update"');
    }
    const { changes, hostConfig } = changeOf(request, record.hostConfig);
    const settings = settingsOf(changes, hostConfig, devicesOf(changes), hostFacts());
    if (hasProcess(record)) applyCgroupSettings(cgroupOf(record, paths), settings);
    // Records are taken up as a whole: nothing has run since the find.
    catalog.put({ ...record, hostConfig });
    announce(events, record, 'update');
  }

  return async (name, request) => {
    const { id } = catalog.find(name);
    const host = hostFacts();
    const warnings = validateUpdate(request, host);
    try {
      await catalog.lock(id).run(() => change(id, discardUnsupported(request, host)));
    } catch (error) {
      throw fail(kindOf(error), `Cannot update container ${id}: ${messageOf(error)}`, error);
    }
    return { Warnings: warnings.length > 0 ? warnings : null };
  };
}
