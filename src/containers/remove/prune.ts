import type { Filters, PruneReport } from '#api';
import type { Events } from '#events';
import type { Rootfs } from '#images';
import { fail, kindOf } from '#std/errors';
import { parseMoment } from '#std/moment';
import type { Catalog } from '../catalog.ts';
import { type ContainerRecord, isRunning } from '../record.ts';
import type { Remove } from './remove.ts';

function moment(text: string): bigint {
  const time = parseMoment(text);
  if (time === undefined) throw fail('invalid-argument', `failed to parse value for "until": ${text}`);
  return time;
}

function hasLabel(record: ContainerRecord, text: string): boolean {
  const [key = '', expected] = text.split(/=(.*)/s);
  const actual = record.config.Labels[key];
  return actual !== undefined && (expected === undefined || actual === expected);
}

function pruneTest(filters: Filters): (record: ContainerRecord) => boolean {
  const tests = [...filters].map(([name, values]): ((record: ContainerRecord) => boolean) => {
    switch (name) {
      case 'label':
        return (record) => values.every((value) => hasLabel(record, value));
      case 'label!':
        return (record) => !values.some((value) => hasLabel(record, value));
      case 'until': {
        const before = values.map(moment);
        return ({ createdAtNs }) => before.every((time) => BigInt(createdAtNs) < time);
      }
      default:
        throw fail('invalid-argument', `invalid filter '${name}'`);
    }
  });
  return (record) => tests.every((test) => test(record));
}

/** Removes all containers that do not run and pass the filters `label`, `label!` and `until`. */
export async function prune(
  parts: { catalog: Catalog; events: Events; rootfs: Rootfs; remove: Remove },
  filters: Filters,
): Promise<PruneReport> {
  const { catalog, events, rootfs, remove } = parts;
  const matches = pruneTest(filters);
  const doomed = [...catalog.all()].filter((record) => !isRunning(record) && matches(record));
  const deleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const { id } of doomed) {
    const sizeBytes = await rootfs.sizeRw(id);
    try {
      await remove(id, { force: false, volumes: false });
      deleted.push(id);
      SpaceReclaimed += sizeBytes;
    } catch (error) {
      // Started, or removed by someone else, in between.
      if (kindOf(error) !== 'conflict' && kindOf(error) !== 'not-found') throw error;
    }
  }
  events.publish({ type: 'container', action: 'prune', id: '', attributes: { reclaimed: String(SpaceReclaimed) } });
  return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed };
}
