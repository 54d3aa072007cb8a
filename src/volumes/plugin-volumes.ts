import { PluginSilence } from '#plugins';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import type { Collection } from '#store';
import type { DriverVolume } from './driver.ts';
import type { PluginDrivers } from './drivers.ts';
import type { VolumeRecord } from './record.ts';

const driverPauseMs = 500;
const driverPatienceMs = 15_000;

/** Volumes that plugins keep. For which containers each is mounted is in its record, so that a killed engine forgets none. */
export interface PluginVolumes {
  /** Looks for a volume that no record names at every plugin; the first one that has it tells. */
  probe(name: string): Promise<{ driver: string; volume: DriverVolume } | undefined>;
  /** Mounts it for a container and returns the path; waits a little for a plugin that is not there yet. */
  mount(record: VolumeRecord, containerId: string): Promise<string>;
  unmount(name: string, containerId: string): Promise<void>;
}

/** What there is to do with the volumes of plugins, over their drivers and records. */
export function createPluginVolumes(drivers: PluginDrivers, collection: Collection<VolumeRecord>): PluginVolumes {
  /** Where plugins have mounted volumes, each once for a container however often that shows it. */
  const paths = new Map<string, string>();
  const keyOf = (name: string, containerId: string): string => `${name}\0${containerId}`;

  function setMounted(name: string, change: (containers: readonly string[]) => readonly string[]): void {
    const record = collection.get(name);
    if (record !== undefined) collection.put({ ...record, mountedFor: change(record.mountedFor ?? []) });
  }

  /** A container may be started before the plugin that it needs, at the boot of a host. */
  async function awaitDriver(name: string): Promise<ReturnType<PluginDrivers['find']>> {
    for (let waitedMs = 0; ; waitedMs += driverPauseMs) {
      try {
        return drivers.find(name);
      } catch (error) {
        if (waitedMs >= driverPatienceMs) throw error;
        await Bun.sleep(driverPauseMs);
      }
    }
  }

  async function unmount(name: string, containerId: string): Promise<void> {
    const record = collection.get(name);
    if (record?.driver === undefined || !record.mountedFor?.includes(containerId)) return;
    paths.delete(keyOf(name, containerId));
    await drivers.find(record.driver).unmount(name, containerId);
    setMounted(name, (containers) => containers.filter((id) => id !== containerId));
  }

  return {
    async probe(name) {
      const answers = drivers.all().map(async (driver) => {
        const volume = await driver.probe(name);
        return volume === undefined ? undefined : { driver: driver.name, volume };
      });
      return (await Promise.all(answers)).find((answer) => answer !== undefined);
    },
    async mount(record, containerId) {
      const mounted = paths.get(keyOf(record.id, containerId));
      if (mounted !== undefined) return mounted;
      if (record.driver === undefined) throw fail('internal', `volume ${record.id} is no plugin's`);
      const driver = await awaitDriver(record.driver);
      setMounted(record.id, (containers) => [...new Set([...containers, containerId])]);
      try {
        const path = await driver.mount(record.id, containerId);
        paths.set(keyOf(record.id, containerId), path);
        return path;
      } catch (error) {
        if (error instanceof PluginSilence && error.isTimeout) {
          // It may have mounted it all the same, or may do so yet.
          await unmount(record.id, containerId).catch((failure: unknown) => {
            log('warn', 'a volume may have stayed mounted', { volume: record.id, error: messageOf(failure) });
          });
        } else setMounted(record.id, (containers) => containers.filter((id) => id !== containerId));
        throw error;
      }
    },
    unmount,
  };
}
