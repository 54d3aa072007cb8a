import type { Events } from '#events';
import { freeze, isFreezing, thaw } from '#linux/cgroups';
import { fail } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess, withLife } from '../record.ts';

/** Freezes all processes of a container. With `isBrief` it is for the time of a work of this engine's, which thaws them. */
export async function pause(
  catalog: Catalog,
  events: Events,
  paths: ContainerPaths,
  name: string,
  { isBrief = false }: { isBrief?: boolean } = {},
): Promise<void> {
  const { id } = catalog.find(name);
  await catalog.lock(id).run(async () => {
    const record = catalog.find(id);
    if (record.life.phase === 'restarting') {
      throw fail('conflict', `Container ${id} is restarting, wait until the container is running`);
    }
    if (!hasProcess(record)) throw fail('conflict', `container ${id} is not running`);
    if (record.life.phase === 'paused') throw fail('conflict', `Container ${id} is already paused`);
    await freeze(cgroupOf(record, paths));
    // What is not probed is not healthy, says Docker; the next probe, after the pause, says what it is.
    const { health } = record.life;
    const unproved = health && { health: { ...health, Status: 'unhealthy' as const } };
    catalog.put(withLife(record, { phase: 'paused', isBriefPause: isBrief, ...unproved }));
    announce(events, record, 'pause');
  });
}

/** Thaws them. */
export async function unpause(catalog: Catalog, events: Events, paths: ContainerPaths, name: string): Promise<void> {
  const { id } = catalog.find(name);
  await catalog.lock(id).run(async () => {
    const record = catalog.find(id);
    if (record.life.phase !== 'paused') throw fail('internal', `Container ${id} is not paused`);
    await thaw(cgroupOf(record, paths));
    catalog.put(withLife(record, { phase: 'running' }));
    announce(events, record, 'unpause');
  });
}

/**
 * Settles what an engine left that died while it paused or unpaused a container, or while it had it paused for a work of its
 * own: only what a client was promised stands still. Returns the record as it is then.
 */
export async function settlePause(
  catalog: Catalog,
  events: Events,
  paths: ContainerPaths,
  record: ContainerRecord,
): Promise<ContainerRecord> {
  const path = cgroupOf(record, paths);
  const isPaused = record.life.phase === 'paused';
  const mayStand = isPaused && record.life.isBriefPause !== true;
  if (isFreezing(path) === mayStand && isPaused === mayStand) return record;
  await thaw(path);
  const running = withLife(record, { phase: 'running', isBriefPause: false });
  catalog.put(running);
  if (isPaused) announce(events, running, 'unpause');
  return running;
}
