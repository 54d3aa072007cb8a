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

/** What the plugins tell that the filter lets be asked: those that can be found, and those that records name. */
async function askAll(filters: Filters, { drivers, records }: ListSources): Promise<PluginAnswer[]> {
  const wanted = filters.get('driver');
  const isWanted = (name: string): boolean => wanted === undefined || wanted.includes(name);
  const found = drivers.all().filter(({ name }) => isWanted(name));
  const present = new Set(found.map(({ name }) => name));
  const named = new Set([...records()].map(driverOf));
  const absent = [...named].filter((name) => name !== localDriver && isWanted(name) && !present.has(name));
  const answers = await Promise.all(found.map(ask));
  const silence = absent.map((driver) => {
    const warning = `list ${driver}: error looking up volume plugin ${driver}: plugin "${driver}" not found`;
    return { driver, scope: 'local', volumes: [], warning };
  });
  return [...answers.filter((answer) => answer !== undefined), ...silence];
}

/**
 * Lists volumes (Engine API, VolumeList): those of the local driver from the records, those of plugins as they tell now.
 * A plugin that does not answer costs a warning, and the volumes that the records have of it are shown.
 */
export async function listVolumes(filters: Filters, sources: ListSources): Promise<VolumeListResponse> {
  const matches = listFilter(filters, sources.isUsed);
  const answers = await askAll(filters, sources);
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
