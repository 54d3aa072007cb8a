import { type Attributes, setOpenAttributes, type Time } from './attributes.ts';
import type { Owner } from './owner.ts';
import type { TargetDirectory } from './target-tree.ts';
import { pathError, type Way } from './walk.ts';

/** Directories that were made, each by its names from the root: their times are set again once all in them is there. */
export type Made = (readonly string[])[];

/** Makes what is missing of a way, save for the last `left` names, and goes there. What is there is let be. */
export function makeMissing(
  way: Way<TargetDirectory>,
  left: number,
  how: { readonly directoryMode?: number; readonly owner?: Owner; readonly time?: Time; readonly made?: Made },
): void {
  if (way.file !== undefined) throw pathError('mkdir', way.path, 'not a directory');
  while (way.missing.length > left) {
    const name = way.missing.shift() ?? '';
    const directory = way.directory.makeDirectory(name);
    way.into(name, directory);
    const attributes: Attributes = {
      ...(how.owner ?? { uid: 0, gid: 0 }),
      mode: how.directoryMode ?? 0o755,
      ...(how.time !== undefined && { time: how.time }),
    };
    setOpenAttributes(directory.materialise(), attributes);
    how.made?.push([...way.names]);
  }
}
