import type { Filters, Volume, VolumeListResponse } from '#api';
import { kindOf, messageOf } from '#std/errors';
import type { DriverVolume, PluginDriver } from './driver.ts';
import type { PluginDrivers } from './drivers.ts';
import { listFilter } from './filters.ts';
import { driverOf, localDriver, type VolumeRecord, volumeOf } from './record.ts';

/** What a list is made from. */
export interface ListSources {
  readonly isUsed: (name: string) => boolean;
  readonly records: () => Iterable<VolumeRecord>;
  readonly localVolume: (record: VolumeRecord) => Volume;
  readonly drivers: PluginDrivers;
}

interface PluginAnswer {
  readonly driver: string;
  readonly scope: string;
  readonly volumes: readonly DriverVolume[];
  readonly warning?: string;
}

async function ask(plugin: PluginDriver): Promise<PluginAnswer | undefined> {
  const driver = plugin.name;
  try {
    const volumes = await plugin.list();
    return { driver, scope: await plugin.scope(), volumes };
  } catch (error) {
    // A plugin for something else than volumes.
    if (kindOf(error) === 'not-found') return undefined;
    return { driver, scope: 'local', volumes: [], warning: `list ${driver}: ${messageOf(error)}` };
  }
}

/** All plugins that the filter lets be asked: those found, and those that records name. */
function pluginsToAsk(filters: Filters, { drivers, records }: ListSources): PluginDriver[] {
  const wanted = filters.get('driver');
  const found = new Map(drivers.all().map((driver) => [driver.name, driver]));
  for (const { driver } of records()) {
    if (driver === undefined || found.has(driver)) continue;
    const absent = (): never => void drivers.find(driver) as never;
    found.set(driver, { name: driver, list: async () => absent() } as unknown as PluginDriver);
  }
  return [...found.values()].filter(({ name }) => wanted === undefined || wanted.includes(name));
}

/**
 * Lists volumes (Engine API, VolumeList): those of the local driver from the records, those of plugins as they tell now.
 * A plugin that does not answer costs a warning, and the volumes that the records have of it are shown.
 */
export async function listVolumes(filters: Filters, sources: ListSources): Promise<VolumeListResponse> {
  const matches = listFilter(filters, sources.isUsed);
  const answers = (await Promise.all(pluginsToAsk(filters, sources).map(ask))).filter((answer) => answer !== undefined);
  const told = new Map(answers.map((answer) => [answer.driver, answer]));
  const found: Volume[] = [];
  const known = new Map<string, VolumeRecord>();
  for (const record of sources.records()) {
    known.set(record.id, record);
    const driver = driverOf(record);
    if (driver !== localDriver && told.get(driver)?.warning === undefined) continue;
    if (!matches(record)) continue;
    if (driver === localDriver) found.push(sources.localVolume(record));
    else found.push(volumeOf(record, { mountpoint: '', scope: 'local' }));
  }
  for (const { driver, scope, volumes } of answers) {
    for (const volume of volumes) {
      const own = known.get(volume.name);
      const record =
        own?.driver === driver ? own : { id: volume.name, createdAt: '', labels: null, options: null, driver };
      if (matches(record)) found.push(volumeOf(record, { ...volume, scope }));
    }
  }
  const warnings = answers.flatMap(({ warning }) => warning ?? []);
  const Volumes = found.toSorted((one, other) => (one.Name < other.Name ? -1 : 1));
  return { Volumes, Warnings: warnings.length > 0 ? warnings : null };
}
