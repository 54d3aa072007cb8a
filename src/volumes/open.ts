import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Filters, PruneReport, Volume, VolumeCreateRequest } from '#api';
import type { Events } from '#events';
import { hasCode } from '#linux/errno';
import { isMountPoint, unmount } from '#linux/mount';
import { fail, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import type { Records } from '#store';
import { listFilter, pruneFilter } from './filters.ts';
import { checkVolumeName } from './names.ts';
import { mountLocal, parseLocalOptions } from './options.ts';
import { anonymousLabel, localDriver, type VolumeRecord, volumeOf } from './record.ts';
import { sizeOfTree } from './tree.ts';
import type { Volumes } from './types.ts';
import { volumeUsage } from './usage.ts';

/** What the volumes are kept in, and who uses them. */
export interface VolumesOptions {
  readonly records: Records;
  readonly events: Events;
  readonly dataRoot: string;
  /** All containers with the names of their volumes, running or not. */
  readonly users: () => Iterable<{ containerId: string; volumes: readonly string[] }>;
}

/** Prefix of what is being deleted; no volume's name begins so. */
const tombstone = '.removed-';

/** Opens the volumes below `dataRoot/volumes`. */
export async function openVolumes({ records, events, dataRoot, users }: VolumesOptions): Promise<Volumes> {
  const root = join(dataRoot, 'volumes');
  mkdirSync(root, { recursive: true, mode: 0o701 });
  const collection = records.collection<VolumeRecord>('volumes');
  /** Containers that have a volume mounted now. */
  const mounted = new Map<string, Set<string>>();
  /** Mounts under way: a second container of the same volume waits for the first one's. */
  const mounting = new Map<string, Promise<void>>();
  const mountpoint = (name: string): string => join(root, name, '_data');

  function announce(action: string, name: string, attributes: Record<string, string> = {}): void {
    events.publish({ type: 'volume', action, id: name, attributes: { driver: localDriver, ...attributes } });
  }

  function usersOf(name: string): string[] {
    return [...users()].filter(({ volumes }) => volumes.includes(name)).map(({ containerId }) => containerId);
  }

  function find(name: string): VolumeRecord {
    const record = collection.get(name);
    if (record === undefined) throw fail('not-found', `get ${name}: no such volume`);
    return record;
  }

  function makeVolume(request: VolumeCreateRequest): Volume {
    const name = request.Name || newId();
    if (request.Driver !== undefined && request.Driver !== '' && request.Driver !== localDriver) {
      const { Driver } = request;
      throw fail('not-found', `create ${name}: error looking up volume plugin ${Driver}: plugin "${Driver}" not found`);
    }
    const present = collection.get(name);
    if (present !== undefined) return volumeOf(present, mountpoint(name));
    checkVolumeName(name);
    const options = request.DriverOpts ?? null;
    parseLocalOptions(name, options);
    const labels = request.Name ? (request.Labels ?? null) : { [anonymousLabel]: '', ...request.Labels };
    mkdirSync(mountpoint(name), { recursive: true, mode: 0o755 });
    const createdAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const record: VolumeRecord = { id: name, createdAt, labels, options };
    collection.put(record);
    announce('create', name);
    return volumeOf(record, mountpoint(name));
  }

  /** First out of sight in one step, then deleted: a removal cut short never leaves half a volume under its name. */
  async function discard(name: string): Promise<void> {
    const grave = join(root, `${tombstone}${newId()}`);
    unmount(mountpoint(name), { lazy: true });
    try {
      renameSync(join(root, name), grave);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    collection.delete(name);
    mounted.delete(name);
    announce('destroy', name);
    await rm(grave, { recursive: true, force: true });
  }

  async function prune(filters: Filters): Promise<PruneReport> {
    const wanted = pruneFilter(filters);
    const used = new Set([...users()].flatMap(({ volumes }) => volumes));
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const record of [...collection.all()]) {
      if (used.has(record.id) || mounted.has(record.id) || !wanted(record)) continue;
      reclaimed += await sizeOfTree(mountpoint(record.id));
      // The size took time to find: somebody may have taken the volume into use since.
      if (usersOf(record.id).length > 0 || collection.get(record.id) === undefined) continue;
      await discard(record.id);
      deleted.push(record.id);
    }
    events.publish({ type: 'volume', action: 'prune', id: '', attributes: { reclaimed: String(reclaimed) } });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  async function attach(record: VolumeRecord): Promise<void> {
    const target = mountpoint(record.id);
    const request = parseLocalOptions(record.id, record.options);
    mkdirSync(target, { recursive: true });
    if (request !== undefined && !isMountPoint(target)) await mountLocal(request, target);
  }

  /** Directories without a record: what a removal left, and empty ones of a creation cut short. Data is never thrown away. */
  function adoptOrRemove(name: string): void {
    if (name.startsWith(tombstone)) {
      rmSync(join(root, name), { recursive: true, force: true });
      return;
    }
    if (collection.get(name) !== undefined) return;
    unmount(mountpoint(name), { lazy: true });
    let content: string[] = [];
    try {
      content = readdirSync(mountpoint(name));
    } catch (error) {
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
    }
    if (content.length === 0) {
      rmSync(join(root, name), { recursive: true, force: true });
      return;
    }
    log('warn', 'adopted a volume that no record names', { volume: name });
    collection.put({ id: name, createdAt: new Date().toISOString(), labels: null, options: null });
  }

  return {
    create: async (request) => makeVolume(request),
    inspect: (name) => volumeOf(find(name), mountpoint(name)),
    list(filters) {
      const used = new Set([...users()].flatMap(({ volumes }) => volumes));
      const matches = listFilter(filters, (name) => used.has(name));
      const found = [...collection.all()].filter(matches).toSorted((one, other) => (one.id < other.id ? -1 : 1));
      return { Volumes: found.map((record) => volumeOf(record, mountpoint(record.id))), Warnings: null };
    },
    usage: () =>
      volumeUsage(
        [...collection.all()].map((record) => volumeOf(record, mountpoint(record.id))),
        users(),
      ),
    async remove(name, { force }) {
      if (force && collection.get(name) === undefined) return;
      find(name);
      const holders = new Set([...usersOf(name), ...(mounted.get(name) ?? [])]);
      if (holders.size > 0) {
        throw fail('conflict', `remove ${name}: volume is in use - [${[...holders].join(', ')}]`);
      }
      await discard(name);
    },
    prune,
    async mount(name, containerId, options = {}) {
      const record = find(name);
      const holders = mounted.get(name) ?? new Set();
      mounted.set(name, holders.add(containerId));
      try {
        const underWay = mounting.get(name) ?? attach(record);
        mounting.set(name, underWay);
        await underWay;
      } catch (error) {
        holders.delete(containerId);
        if (holders.size === 0) mounted.delete(name);
        throw error;
      } finally {
        mounting.delete(name);
      }
      if (!options.quiet) {
        announce('mount', name, {
          container: containerId,
          destination: options.destination ?? '',
          'read/write': String(options.readWrite ?? true),
          propagation: '',
        });
      }
      return mountpoint(name);
    },
    async unmount(name, containerId, { quiet = false } = {}) {
      const holders = mounted.get(name);
      if (!holders?.delete(containerId)) return;
      if (holders.size === 0) mounted.delete(name);
      if (holders.size === 0 && collection.get(name)?.options) unmount(mountpoint(name), { lazy: true });
      if (!quiet) announce('unmount', name, { container: containerId });
    },
    async reconcile(live) {
      mounted.clear();
      for (const { containerId, volumes } of users()) {
        if (!live.has(containerId)) continue;
        for (const name of volumes) mounted.set(name, (mounted.get(name) ?? new Set()).add(containerId));
      }
      for (const record of collection.all()) {
        if (record.options !== null && !mounted.has(record.id)) unmount(mountpoint(record.id), { lazy: true });
      }
      for (const name of readdirSync(root)) {
        try {
          adoptOrRemove(name);
        } catch (error) {
          log('error', 'volume directory not put in order', { directory: name, error: messageOf(error) });
        }
      }
    },
  };
}
