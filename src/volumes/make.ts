import type { Volume, VolumeCreateRequest } from '#api';
import { fail, kindOf, messageOf } from '#std/errors';
import type { Collection } from '#store';
import type { DriverVolume, PluginDriver } from './driver.ts';
import type { PluginDrivers } from './drivers.ts';
import type { LocalVolumes } from './local.ts';
import { checkVolumeName } from './names.ts';
import { parseLocalOptions } from './options.ts';
import type { PluginVolumes } from './plugin-volumes.ts';
import { anonymousLabel, driverOf, localDriver, now, type VolumeRecord } from './record.ts';

/** Makes a volume, or returns the one of that name. The caller holds the volume's lock. */
export type VolumeMaker = (id: string, request: VolumeCreateRequest) => Promise<Volume>;

/** What making a volume touches. */
export interface VolumeMakerParts {
  readonly collection: Collection<VolumeRecord>;
  readonly local: LocalVolumes;
  readonly drivers: PluginDrivers;
  readonly plugins: PluginVolumes;
  /** Containers that use a volume. */
  readonly holders: (name: string) => readonly string[];
  /** Tells of a new volume. */
  readonly announce: (record: VolumeRecord) => void;
  readonly localVolume: (record: VolumeRecord) => Volume;
  readonly pluginVolume: (record: VolumeRecord, volume?: DriverVolume) => Promise<Volume>;
}

/** Makes the maker: what a name is taken by decides, then the driver asked for, then who has a volume of that name. */
export function createVolumeMaker(parts: VolumeMakerParts): VolumeMaker {
  const { collection, local, drivers, plugins, localVolume, pluginVolume } = parts;

  function findDriver(volume: string, driver: string): PluginDriver {
    try {
      return drivers.find(driver);
    } catch (error) {
      throw fail(kindOf(error), `create ${volume}: ${messageOf(error)}`, error);
    }
  }

  /** The volume of that name, made sure of; undefined when there is none (any more). Throws `conflict`. */
  async function present(name: string, driver: string): Promise<Volume | undefined> {
    const record = collection.get(name);
    if (record === undefined) return undefined;
    const own = driverOf(record);
    const clash = (reason: string): Error => fail('conflict', `create ${name}: ${reason}: volume name must be unique`);
    if (driver !== '' && driver !== own) {
      if (driver !== localDriver) findDriver(name, driver);
      throw clash(`driver '${own}' already has volume '${name}'`);
    }
    if (own === localDriver) return localVolume(record);
    let found: DriverVolume | undefined;
    try {
      found = await drivers.find(own).get(name);
    } catch (error) {
      const where = `found reference to volume '${name}' in driver '${own}'`;
      throw clash(`${where}, but got an error while checking the driver: ${messageOf(error)}`);
    }
    if (found !== undefined) return pluginVolume(record);
    if (parts.holders(name).length > 0) {
      throw clash(
        `found references to volume '${name}' in driver '${own}' but the volume was not found in the driver -- you may need to remove containers referencing this volume or force remove the volume to re-create it`,
      );
    }
    collection.delete(name);
    return undefined;
  }

  function makeLocal(record: VolumeRecord): Volume {
    const { id } = record;
    checkVolumeName(id);
    parseLocalOptions(id, record.options);
    local.make(id);
    collection.put(record);
    parts.announce(record);
    return localVolume(record);
  }

  async function makeByPlugin(record: VolumeRecord, driver: string): Promise<Volume> {
    const plugin = findDriver(record.id, driver);
    const owned: VolumeRecord = { ...record, driver };
    try {
      const known = await plugin.get(record.id);
      if (known === undefined) await plugin.create(record.id, record.options);
      collection.put(owned);
      if (known === undefined) parts.announce(owned);
      return await pluginVolume(owned);
    } catch (error) {
      throw fail(kindOf(error), `create ${record.id}: ${messageOf(error)}`, error);
    }
  }

  return async (id, request) => {
    const { Name, Driver: driver = '', DriverOpts: options = null, Labels } = request;
    const there = await present(id, driver);
    if (there !== undefined) return there;
    const labels = Name ? (Labels ?? null) : { [anonymousLabel]: '', ...Labels };
    const record: VolumeRecord = { id, createdAt: now(), labels, options };
    if (driver !== '' && driver !== localDriver) return makeByPlugin(record, driver);
    const elsewhere = driver === '' && Name ? await plugins.probe(id) : undefined;
    if (elsewhere === undefined) return makeLocal(record);
    const adopted: VolumeRecord = { ...record, labels: null, options: null, driver: elsewhere.driver };
    collection.put(adopted);
    return pluginVolume(adopted, elsewhere.volume);
  };
}
