import type { Events } from '#events';
import { freeze, thaw } from '#linux/cgroups';
import { fail } from '#std/errors';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { cgroupOf } from '../exit/release.ts';
import type { ContainerPaths } from '../paths.ts';
import { hasProcess, withLife } from '../record.ts';

/** Freezes all processes of a container. */
export async function pause(catalog: Catalog, events: Events, paths: ContainerPaths, name: string): Promise<void> {
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
    catalog.put(withLife(record, { phase: 'paused', ...unproved }));
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
