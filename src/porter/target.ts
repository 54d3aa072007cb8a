import { closeSync } from 'node:fs';
import { hasCode } from '#linux/errno';
import { fileTypes } from '#linux/file-tree';
import { fail } from '#std/errors';
import { type ContainerView, cleanPath, isType, type Place } from './view.ts';

/** The directory that an archive is to be unpacked in, links followed; throws in Docker's words when there it may not be. */
export function openTarget(view: ContainerView, path: string): Place {
  const place = lookUp(view, `/${cleanPath(path).join('/')}`);
  try {
    if (!isType(place.stat, fileTypes.directory)) {
      throw fail('invalid-argument', 'extraction point is not a directory');
    }
    const refusal = view.writeRefusal(place.names);
    if (refusal === 'volume') throw fail('invalid-argument', 'mounted volume is marked read-only');
    if (refusal === 'root') throw fail('invalid-argument', 'container rootfs is marked read-only');
    return place;
  } catch (error) {
    closeSync(place.descriptor);
    throw error;
  }
}

function lookUp(view: ContainerView, path: string): Place {
  try {
    return view.lookUp(path, true);
  } catch (error) {
    if (hasCode(error, 'ELOOP')) throw fail('internal', 'EvalSymlinks: too many links', error);
    throw error;
  }
}
