import { rm } from 'node:fs/promises';
import type { Events } from '#events';
import type { Rootfs } from '#images';
import type { Keeper } from '#keeper';
import { fail, kindOf } from '#std/errors';
import type { Volumes } from '#volumes';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import type { Release } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess, isRunning, withLife } from '../record.ts';
import type { RestartSchedule } from '../restart/schedule.ts';
import { snapshotsOf } from '../start/mount-sources.ts';
import type { Terminator } from '../stop/terminate.ts';

/** What removal touches. */
export interface RemoverParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly keeper: Keeper;
  readonly rootfs: Rootfs;
  readonly volumes: Volumes;
  readonly paths: ContainerPaths;
  readonly release: Release;
  readonly restarts: RestartSchedule;
  readonly terminator: Terminator;
  /** Drops what only memory holds of a container: execs, attached clients. */
  readonly onRemoved: (id: string) => void;
}

export interface RemoveOptions {
  readonly force: boolean;
  readonly volumes: boolean;
}

const sigkill = 9;

export type Remove = (name: string, options: RemoveOptions) => Promise<void>;

function refusal(name: string, record: ContainerRecord): Error {
  const reason =
    record.life.phase === 'paused'
      ? 'container is paused and must be unpaused first'
      : 'container is running: stop the container before removing or force remove';
  return fail('conflict', `cannot remove container "${name}": ${reason}`);
}

/**
 * Makes the removal. The record goes last, in phase `removing` until then: killed in between, the next engine finishes it.
 */
export function createRemove(parts: RemoverParts): Remove {
  const { catalog, events, keeper, rootfs, volumes, paths } = parts;

  async function erase(record: ContainerRecord, options: RemoveOptions): Promise<void> {
    const { id } = record;
    parts.restarts.cancel(id);
    catalog.put(withLife(record, { phase: 'removing' }));
    await parts.release(record);
    await keeper.forget(id);
    const snapshots = [id, ...snapshotsOf(record)];
    await Promise.all([
      ...snapshots.map((name) => rootfs.remove(name)),
      rm(paths.directory(id), { recursive: true, force: true, maxRetries: 5 }),
    ]);
    catalog.delete(id);
    parts.onRemoved(id);
    announce(events, record, 'destroy');
    if (!options.volumes) return;
    for (const name of record.anonymousVolumes) {
      await volumes.remove(name, { force: true }).catch((error: unknown) => {
        // Another container may have come to use it (volumes-from).
        if (kindOf(error) !== 'conflict' && kindOf(error) !== 'not-found') throw error;
      });
    }
  }

  const remove: Remove = async (name, options) => {
    const record = catalog.find(name);
    if (record.life.phase === 'removing') {
      throw fail('conflict', `removal of container ${name} is already in progress`);
    }
    if (isRunning(record)) {
      if (!options.force) throw refusal(name, record);
      await parts.terminator.end(record);
    } else if (options.force && catalog.lock(record.id).isHeld) {
      // It is being started, by a runtime that may hang: ended, it gives the lock back.
      await keeper.signal(record.id, sigkill).catch((error: unknown) => {
        if (kindOf(error) !== 'not-found') throw error;
      });
    }
    const revived = await catalog.lock(record.id).run(async () => {
      const current = catalog.get(record.id);
      // An auto-remove, or another caller, was faster.
      if (current === undefined) return false;
      if (hasProcess(current)) {
        if (!options.force) throw refusal(name, current);
        return true;
      }
      await erase(current, options);
      return false;
    });
    // A start or a restart that was under way got it running once more.
    if (revived) await remove(record.id, options);
  };
  return remove;
}
