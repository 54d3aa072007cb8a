import { join } from 'node:path';
import type { Filters, PruneReport, Volume, VolumeCreateRequest } from '#api';
import type { Events } from '#events';
import { defaultPluginDirectories } from '#plugins';
import { fail, kindOf, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { Lock } from '#std/lock';
import type { Records } from '#store';
import { Background } from './background.ts';
import type { DriverVolume } from './driver.ts';
import { openPluginDrivers } from './drivers.ts';
import { pruneFilter } from './filters.ts';
import { listVolumes } from './list.ts';
import { openLocalVolumes } from './local.ts';
import { createVolumeMaker, type VolumeMaker } from './make.ts';
import { createPluginVolumes } from './plugin-volumes.ts';
import type { PluginLimits } from './plugins/driver.ts';
import { driverOf, localDriver, now, type VolumeRecord, volumeOf } from './record.ts';
import { sizeOfTree } from './tree.ts';
import type { MountUse, Volumes } from './types.ts';
import { volumeUsage } from './usage.ts';
import { Uses } from './uses.ts';

/** What the volumes are kept in, and who uses them. */
export interface VolumesOptions {
  readonly records: Records;
  readonly events: Events;
  readonly dataRoot: string;
  /** All containers with the names of their volumes, once for each mount, running or not. */
  readonly users: () => Iterable<{ containerId: string; volumes: readonly string[] }>;
  /** Where volume plugins are looked for; Docker's places when not said. */
  readonly pluginDirectories?: readonly string[];
  readonly pluginLimits?: PluginLimits;
  /** Starts the process that makes a mount which may take long; without it they are made here. */
  readonly mountCommand?: readonly string[];
}

/** How long the engine's end waits for plugins; what they have not done by then the next engine asks for again. */
const endPatienceMs = 5000;

/** Opens the volumes below `dataRoot/volumes`, and those of plugins. */
export async function openVolumes(options: VolumesOptions): Promise<Volumes> {
  return new VolumeStore(options);
}

class VolumeStore implements Volumes {
  readonly #collection;
  readonly #local;
  readonly #drivers;
  readonly #plugins;
  readonly #make: VolumeMaker;
  /** Mounts of running containers. */
  readonly #mounts = new Uses();
  /** Containers that are being created, and are in no record yet. */
  readonly #holds = new Uses();
  /** One change of a volume at a time; volumes never wait for each other. */
  readonly #locks = new Map<string, Lock>();
  readonly #background = new Background();

  constructor(readonly options: VolumesOptions) {
    const { records, dataRoot, mountCommand, pluginDirectories = defaultPluginDirectories, pluginLimits } = options;
    this.#collection = records.collection<VolumeRecord>('volumes');
    this.#local = openLocalVolumes(join(dataRoot, 'volumes'), mountCommand);
    this.#drivers = openPluginDrivers(pluginDirectories, pluginLimits);
    this.#plugins = createPluginVolumes(this.#drivers, this.#collection);
    this.#make = createVolumeMaker({
      collection: this.#collection,
      local: this.#local,
      drivers: this.#drivers,
      plugins: this.#plugins,
      holders: (name) => this.#holders(name),
      announce: (record) => this.#announce('create', record),
      localVolume: (record) => this.#localVolume(record),
      pluginVolume: (record, volume) => this.#pluginVolume(record, volume),
    });
  }

  /** Runs `body` when nothing else changes the volume. */
  async #locked<T>(name: string, body: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(name) ?? new Lock();
    this.#locks.set(name, lock);
    try {
      return await lock.run(body);
    } finally {
      if (!lock.isHeld && this.#locks.get(name) === lock) this.#locks.delete(name);
    }
  }

  #announce(action: string, record: VolumeRecord, attributes: Record<string, string> = {}): void {
    const { events } = this.options;
    events.publish({ type: 'volume', action, id: record.id, attributes: { driver: driverOf(record), ...attributes } });
  }

  #holders(name: string): string[] {
    const users = [...this.options.users()].filter(({ volumes }) => volumes.includes(name));
    const ids = [...users.map(({ containerId }) => containerId), ...this.#holds.of(name), ...this.#mounts.of(name)];
    return [...new Set(ids)];
  }

  #localVolume(record: VolumeRecord): Volume {
    return volumeOf(record, { mountpoint: this.#local.mountpoint(record.id), scope: 'local' });
  }

  async #pluginVolume(record: VolumeRecord, volume?: DriverVolume): Promise<Volume> {
    const scope = await this.#drivers.find(driverOf(record)).scope();
    return volumeOf(record, { mountpoint: '', ...volume, scope });
  }

  async create(request: VolumeCreateRequest, holder?: string): Promise<Volume> {
    const id = request.Name || newId();
    return this.#locked(id, async () => {
      const volume = await this.#make(id, request);
      // From here on nobody removes it: its holder is not in any record yet.
      if (holder !== undefined) this.#holds.add(id, holder);
      return volume;
    });
  }

  letGo(holder: string): void {
    this.#holds.dropContainer(holder);
  }

  /** The record of a volume, also of one that only a plugin knows; throws `not-found`. */
  async #find(name: string): Promise<{ record: VolumeRecord; volume?: DriverVolume }> {
    const record = this.#collection.get(name);
    if (record !== undefined) return { record };
    const found = await this.#plugins.probe(name);
    if (found === undefined) throw fail('not-found', `get ${name}: no such volume`);
    const { driver, volume } = found;
    return { record: { id: name, createdAt: now(), labels: null, options: null, driver }, volume };
  }

  async inspect(name: string): Promise<Volume> {
    const { record, volume } = await this.#find(name);
    const { driver } = record;
    if (driver === undefined) return this.#localVolume(record);
    let told = volume;
    try {
      told ??= await this.#drivers.find(driver).get(name);
    } catch (error) {
      const reason = `error while checking if volume ${JSON.stringify(name)} exists in driver ${JSON.stringify(driver)}`;
      throw fail(kindOf(error), `get ${name}: ${reason}: ${messageOf(error)}`, error);
    }
    if (told === undefined) throw fail('not-found', `get ${name}: no such volume`);
    return this.#pluginVolume(record, told);
  }

  list(filters: Filters): ReturnType<Volumes['list']> {
    const used = new Set([...this.options.users()].flatMap(({ volumes }) => volumes));
    return listVolumes(filters, {
      isUsed: (name) => used.has(name),
      records: () => this.#collection.all(),
      localVolume: (record) => this.#localVolume(record),
      drivers: this.#drivers,
    });
  }

  usage(): Promise<Volume[]> {
    const volumes = [...this.#collection.all()].map((record) =>
      record.driver === undefined ? this.#localVolume(record) : volumeOf(record, { mountpoint: '', scope: 'local' }),
    );
    return volumeUsage(volumes, this.options.users());
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    let found: { record: VolumeRecord };
    try {
      found = await this.#find(name);
    } catch (error) {
      if (force && kindOf(error) === 'not-found') return;
      throw error;
    }
    await this.#locked(name, async () => {
      const holders = this.#holders(name);
      if (holders.length > 0) throw fail('conflict', `remove ${name}: volume is in use - [${holders.join(', ')}]`);
      const record = this.#collection.get(name) ?? found.record;
      await (record.driver === undefined ? this.#discard(record) : this.#removeAtPlugin(record, record.driver, force));
    });
  }

  async #removeAtPlugin(record: VolumeRecord, driver: string, force: boolean): Promise<void> {
    const { id } = record;
    try {
      await this.#drivers.find(driver).remove(id);
    } catch (error) {
      if (force) this.#collection.delete(id);
      throw fail(kindOf(error), `remove ${id}: ${messageOf(error)}`, error);
    }
    this.#collection.delete(id);
    this.#announce('destroy', record);
  }

  async #discard(record: VolumeRecord): Promise<void> {
    const deleteFiles = this.#local.takeAway(record.id);
    this.#collection.delete(record.id);
    this.#announce('destroy', record);
    await deleteFiles();
  }

  /** Only volumes of the local driver, as Docker does. */
  async prune(filters: Filters): Promise<PruneReport> {
    const wanted = pruneFilter(filters);
    const isWanted = (record: VolumeRecord): boolean =>
      record.driver === undefined && wanted(record) && this.#holders(record.id).length === 0;
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const { id } of [...this.#collection.all()].filter(isWanted)) {
      const size = await sizeOfTree(this.#local.mountpoint(id));
      await this.#locked(id, async () => {
        // The size took time to find: somebody may have taken the volume into use since, or removed it.
        const record = this.#collection.get(id);
        if (record === undefined || !isWanted(record)) return;
        await this.#discard(record);
        deleted.push(id);
        reclaimed += size;
      });
    }
    const attributes = { reclaimed: String(reclaimed) };
    this.options.events.publish({ type: 'volume', action: 'prune', id: '', attributes });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  async #ready(record: VolumeRecord, containerId: string): Promise<string> {
    const { id } = record;
    if (record.driver !== undefined) return this.#plugins.mount(record, containerId);
    await this.#local.attach(record);
    return this.#local.mountpoint(id);
  }

  async mount(name: string, containerId: string, use: MountUse = {}): Promise<string> {
    const record = this.#collection.get(name);
    if (record === undefined) throw fail('not-found', `get ${name}: no such volume`);
    this.#mounts.add(name, containerId);
    let path: string;
    try {
      path = await this.#locked(name, () => this.#ready(record, containerId));
    } catch (error) {
      this.#mounts.drop(name, containerId);
      const source = record.driver === undefined ? this.#local.mountpoint(name) : '';
      throw fail(kindOf(error), `error while mounting volume '${source}': ${messageOf(error)}`, error);
    }
    if (use.quiet) return path;
    this.#announce('mount', record, {
      container: containerId,
      destination: use.destination ?? '',
      'read/write': String(use.readWrite ?? true),
      propagation: '',
    });
    return path;
  }

  async unmount(name: string, containerId: string, { quiet = false }: MountUse = {}): Promise<void> {
    const dropped = this.#mounts.drop(name, containerId);
    const record = this.#collection.get(name);
    if (dropped === undefined || record === undefined) return;
    if (record.driver !== undefined) {
      if (dropped.isLast) this.#unmountAtPlugin(name, containerId);
    } else if (record.options !== null && !this.#mounts.has(name)) this.#local.detach(name);
    if (!quiet) this.#announce('unmount', record, { container: containerId });
  }

  /** Nobody waits for a plugin to take its mount away; the next mount of the same volume does. */
  #unmountAtPlugin(name: string, containerId: string): void {
    const work = (): Promise<void> => this.#plugins.unmount(name, containerId);
    this.#background.run({ volume: name, container: containerId }, () => this.#locked(name, work));
  }

  async reconcile(live: ReadonlySet<string>): Promise<void> {
    this.#mounts.clear();
    for (const { containerId, volumes } of this.options.users()) {
      if (!live.has(containerId)) continue;
      for (const name of volumes) this.#mounts.add(name, containerId);
    }
    for (const { id, driver, options, mountedFor = [] } of this.#collection.all()) {
      if (driver === undefined && options !== null && !this.#mounts.has(id)) this.#local.detach(id);
      for (const containerId of mountedFor) if (!live.has(containerId)) this.#unmountAtPlugin(id, containerId);
    }
    this.#local.reconcile(
      (name) => this.#collection.get(name) !== undefined,
      (name) => this.#collection.put({ id: name, createdAt: now(), labels: null, options: null }),
    );
  }

  driverNames(): string[] {
    return [localDriver, ...this.#drivers.all().map(({ name }) => name)];
  }

  async settled(): Promise<void> {
    await this.#background.settled(endPatienceMs);
  }
}
